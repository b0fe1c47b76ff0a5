"""convert_mnn.py MODEL.onnx... [--out mnn]: float ONNX (1x3x256x192) to MNN, float32, checked against onnxruntime.

Writes OUT/NAME.mnn; fails if any heatmap of the three golden crops differs by more than 1e-4 in MNN's own float32.
Needs pip packages MNN, onnxruntime, opencv-python-headless, numpy (last run: see docs/performance-arm.md). The converter is called inside its
library: the command-line tools that MNN installs ask a server of their maker for leave.
"""

import argparse
import contextlib
import os
import sys
from pathlib import Path

import crops
import numpy as np
import onnxruntime

sys.modules["MNN.tools.utils.log"] = None
import _tools  # noqa: E402
import MNN  # noqa: E402


def heatmaps(path, x):
    net = MNN.Interpreter(str(path))
    session = net.createSession({"numThread": 1, "backend": "CPU", "precision": "high"})
    image, out = net.getSessionInput(session), net.getSessionOutput(session)
    tensor = [MNN.Tensor(t.getShape(), MNN.Halide_Type_Float, v, MNN.Tensor_DimensionType_Caffe) for t, v in ((image, x), (out, np.zeros(out.getShape(), np.float32)))]
    image.copyFrom(tensor[0])
    net.runSession(session)
    out.copyToHostTensor(tensor[1])
    return np.array(tensor[1].getNumpyData(), np.float32).reshape(out.getShape())[0]


def convert(model, out):
    path = out / f"{model.stem}.mnn"
    with open(os.devnull, "w") as quiet, contextlib.redirect_stdout(quiet):
        _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", str(model), "--MNNModel", str(path), "--bizCode", "posed"])
    session, worst = onnxruntime.InferenceSession(str(model)), 0
    for name in crops.CROPS:
        x = np.ascontiguousarray(crops.network_input(crops.rgb_crop(name)))
        want = session.run(None, {session.get_inputs()[0].name: x})[0][0]
        worst = max(worst, float(np.abs(heatmaps(path, x) - want).max()))
    print(f"{model.stem}: max difference {worst:.1e} from onnxruntime")
    return worst < 1e-4


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "mnn")
    args = parser.parse_args()
    args.out.mkdir(exist_ok=True)
    sys.exit(not all([convert(m, args.out) for m in args.models]))
