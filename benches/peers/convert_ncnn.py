"""convert_ncnn.py MODEL.onnx... [--out ncnn]: float ONNX (1x3x256x192) to ncnn by pnnx, float32, checked against onnxruntime.

Writes OUT/NAME.param and OUT/NAME.bin; fails if any heatmap of the three golden crops differs by more than 1e-4.
Needs pip packages pnnx, ncnn, onnxruntime, opencv-python-headless, numpy (last run: pnnx and ncnn 20261020, onnxruntime 1.32.0).
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import crops
import numpy as np
import onnxruntime
from peers import Ncnn


def convert(model, out):
    with tempfile.TemporaryDirectory() as tmp:
        shutil.copyfile(model, Path(tmp, "m.onnx"))
        pnnx = Path(sys.executable).parent / "pnnx"
        subprocess.run(
            [pnnx, "m.onnx", "inputshape=[1,3,256,192]", "fp16=0"],
            cwd=tmp,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for kind in ("param", "bin"):
            shutil.copyfile(Path(tmp, f"m.ncnn.{kind}"), out / f"{model.stem}.{kind}")
    session, net, worst = onnxruntime.InferenceSession(str(model)), Ncnn(str(out / model.stem)), 0
    for name in crops.CROPS:
        x = crops.network_input(crops.rgb_crop(name))
        want = session.run(None, {session.get_inputs()[0].name: x})[0]
        worst = max(worst, float(np.abs(net.set_input(x).run() - want[0]).max()))
    print(f"{model.stem}: max difference {worst:.1e} from onnxruntime")
    return worst < 1e-4


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "ncnn")
    args = parser.parse_args()
    args.out.mkdir(exist_ok=True)
    sys.exit(not all(convert(m, args.out) for m in args.models))
