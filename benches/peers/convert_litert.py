"""convert_litert.py [MODEL.onnx...] [--out litert]: float ONNX (1x3x256x192; both of ours unless named) to LiteRT by onnx2tf, checked against onnxruntime.

Writes OUT/NAME.tflite, float32, and OUT/NAME_f16.tflite: weights in fp16, and arithmetic in fp16 where the CPU has it. Both are NHWC.
Fails if any heatmap of the three golden crops differs by more than 1e-4 in float32; of fp16 it only says by how much.
Needs pip package onnx2tf==1.29.24, which brings TensorFlow 2.19, ai-edge-litert 2.1.0, onnxruntime, opencv-python and numpy (Python 3.11;
what onnx2tf 2.6.9 makes of ours does not run). Two minutes a network.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from converting import apart, main
from peers import Litert

PICTURES = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""What onnx2tf tries its work on; it downloads them unless the folder it runs in has a file of this name. From 0 to 1; any will do."""


def convert(model, out):
    plain, half = out / f"{model.stem}.tflite", out / f"{model.stem}_f16.tflite"
    with tempfile.TemporaryDirectory() as tmp:
        shutil.copyfile(model, Path(tmp, "m.onnx"))  # onnx2tf writes to its input
        np.save(Path(tmp, PICTURES), np.random.default_rng(0).random((20, 128, 128, 3), np.float32))
        subprocess.run(
            [
                Path(sys.executable).parent / "onnx2tf",
                *("--input_onnx_file_path", "m.onnx", "--output_folder_path", "made"),
                "--output_signaturedefs",  # without it names such as ours are refused
                "--enable_accumulation_type_float16",
                "--not_use_onnxsim",
            ],
            cwd=tmp,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        shutil.copyfile(Path(tmp, "made/m_float32.tflite"), plain)
        shutil.copyfile(Path(tmp, "made/m_float16.tflite"), half)
    print(f"{half.stem}: max difference {apart(model, runner(half)):.1e} from onnxruntime, in fp16 as far as this CPU has it")
    return runner(plain)


def runner(path):
    net = Litert(str(path))
    return lambda x: net.set_input(x).run()[0]


if __name__ == "__main__":
    main(__doc__, "litert", convert)
