"""convert_ncnn.py [MODEL.onnx...] [--out ncnn]: float ONNX (1x3x256x192; both of ours unless named) to ncnn by pnnx, float32, checked against onnxruntime.

Writes OUT/NAME.param and OUT/NAME.bin; fails if any heatmap of the three golden crops differs by more than 1e-4.
Needs pip packages pnnx, ncnn, onnxruntime, opencv-python-headless, numpy (last run: pnnx and ncnn 20261020, onnxruntime 1.32.0).
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from converting import main
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
    net = Ncnn(str(out / model.stem))
    return lambda x: net.set_input(x).run()


if __name__ == "__main__":
    main(__doc__, "ncnn", convert)
