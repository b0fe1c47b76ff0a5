"""Makes, imports, quantises and checks the networks that posed runs.

In: photos with annotations, or somebody's weights. Out: NAME.onnx and NAME.toml, the two files posed reads.
"""

__version__ = "0.1.0"
