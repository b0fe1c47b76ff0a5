"""Training on a CPU, without a framework's hundreds of small operators: C++ compiled at the first use.

In: a network of the family, with batch norms or quantised, pictures, joints or heatmaps. Out: heatmaps, losses, gradients. How
much faster it is stands in models/README.md. What is different: batch norms keep the statistics they have, as is usual when a
network is trained on; while training, a teacher is asked once for each person, not for each crop (joints.py).

library.py compiles and calls the C++; trace.py follows a network's `forward`; record.py makes operators of what it saw; memory.py
places their values; weights.py folds batch norms, rounds and steps; network.py is all of it for one network; trainer.py trains,
from what feed.py and joints.py give it; tuner.py fine-tunes with rounding in the loop.
"""
