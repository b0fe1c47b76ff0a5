"""convert_mnn.py [MODEL.onnx...] [--out mnn]: float ONNX (1x3x256x192; both of ours unless named) to MNN, float32, checked against onnxruntime.

Writes OUT/NAME.mnn; fails if any heatmap of the three golden crops differs by more than 1e-4 in MNN's own float32.
Needs pip packages MNN, onnxruntime, opencv-python-headless, numpy (last run: see docs/performance-arm.md). The converter is called inside its
library: the command-line tools that MNN installs ask a server of their maker for leave.
"""

import contextlib
import os
import sys

import numpy as np
from converting import main

sys.modules["MNN.tools.utils.log"] = None
import _tools  # noqa: E402
import MNN  # noqa: E402


def heatmaps(path, x):
    net = MNN.Interpreter(str(path))
    session = net.createSession({"numThread": 1, "backend": "CPU", "precision": "high"})
    image, out = net.getSessionInput(session), net.getSessionOutput(session)
    tensor = [
        MNN.Tensor(t.getShape(), MNN.Halide_Type_Float, v, MNN.Tensor_DimensionType_Caffe)
        for t, v in ((image, x), (out, np.zeros(out.getShape(), np.float32)))
    ]
    image.copyFrom(tensor[0])
    net.runSession(session)
    out.copyToHostTensor(tensor[1])
    return np.array(tensor[1].getNumpyData(), np.float32).reshape(out.getShape())[0]


def convert(model, out):
    path = out / f"{model.stem}.mnn"
    with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):
        _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", str(model), "--MNNModel", str(path), "--bizCode", "posed"])
    return lambda x: heatmaps(path, x)


if __name__ == "__main__":
    main(__doc__, "mnn", convert)
