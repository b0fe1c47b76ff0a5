"""Fine-tuning with rounding in the loop by the C++ of this folder: what quantise.py's `fine_tune` does, several times as fast.

In: a calibrated network of poses, and the float one whose heatmaps it is to give. Out: its weights fine-tuned.
"""

from __future__ import annotations

import os

import numpy as np

from posed_models.augment import Augmenter
from posed_models.errors import PosedModelsError
from posed_models.log import RunLog
from posed_models.native.feed import Feeder
from posed_models.native.network import NativeNetwork
from posed_models.nets import LiteHRNet, Net
from posed_models.quantise import LONGEST_GRADIENT, FineTuning, follow_schedule
from posed_models.rounding import Quantised


def joints(q: Quantised) -> int:
    """How many joints a quantised network of poses finds."""
    assert isinstance(q.net, LiteHRNet)
    return q.net.keypoint_head.final_layer.out_channels


class NativeTuner:
    """Matrices move by Muon, all else by Adam, as in weights.py, without decay; scales stay as calibrated."""

    def __init__(self, q: Quantised, teacher: Net, augment: Augmenter, seed: int = 0, threads: int | None = None) -> None:
        self._q, self._augment, self._seed = q, augment, seed
        if not isinstance(teacher, LiteHRNet) or teacher.keypoint_head.final_layer.out_channels != joints(q):
            raise PosedModelsError(f"the teacher has other outputs: give weights of a network of {joints(q)} joints")
        self._threads = threads or os.cpu_count() or 1
        self.network = NativeNetwork(q, *augment.size, self._threads)
        self.teacher = self.beside(teacher)

    def beside(self, net: Net) -> NativeNetwork:
        """Another network, for pictures of the same size."""
        assert isinstance(net, LiteHRNet)
        return NativeNetwork(net, *self._augment.size, self._threads)

    def fine_tune(self, settings: FineTuning, log: RunLog) -> None:
        """Changes the weights of the network it was made with."""
        native, feeder = self.network, Feeder(self._augment, settings.batch, self._seed)

        def step(lr: float) -> float:
            pictures = feeder.next().pictures
            want = self.teacher.run(pictures)
            loss = native.follow(pictures, want, 1 / (want.size * (float(np.var(want, ddof=1)) + 1e-6)))
            native.weights.step(native.gradients, lr, LONGEST_GRADIENT)
            return loss

        follow_schedule(step, settings, log)
        native.weights.average(0.0)
        native.write(self._q.net)  # type: ignore[arg-type]
