"""Regenerates the int8 golden tensors: what onnxruntime makes of three person crops with each int8 QDQ network.

    python make_golden.py [--models DIR] [--level none|all]      (last run: onnxruntime 1.32.0, opencv 5.0.0.93, numpy 2.4.6, x86 with AVX-512 VNNI)

In:  DIR/*18.onnx, the crops of ../crops.py. Out, beside this script, little-endian and without header:
     input_CROP.bin           int8, 256x192x3 (height, width, channel): the network's input after its first QuantizeLinear
     heatmaps_MODEL_CROP.bin  int16, 17x64x48 (joint, row, column): heatmap = value * scale
     index.txt                one line a file: name, type, shape, scale, zero point; heatmap = (value - zero) * scale
     agreement.txt            how far onnxruntime's own optimisation levels differ: the bound of what an engine can agree to

Level none (the default) runs every node as the file says: dequantise, float convolution, quantise. Level all fuses them to integer operators.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import crops  # noqa: E402

LEVELS = {"none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL, "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL}


def session(path, level):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def input_scale(path):
    """Scale and zero point of the QuantizeLinear that reads the network's input."""
    graph = onnx.load(path).graph
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    node = next(n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == graph.input[0].name)
    return np.float32(constants[node.input[1]]), int(constants[node.input[2]])


def quantise(x, scale, zero):
    return np.clip(np.rint(x / scale) + zero, -128, 127).astype(np.int8)


def agreement(a, b):
    step = np.abs(a).max() / 127
    d = np.abs(a - b)
    return (
        f"equal {np.mean(d == 0):.4f}  within one step {np.mean(d <= step):.4f}  within half a step {np.mean(d <= step / 2):.4f}  "
        f"within 1e-3 {np.mean(d <= 1e-3):.4f}  max {d.max():.4f} = {d.max() / step:.1f} steps  step {step:.5f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=HERE.parents[2] / "models")
    parser.add_argument("--level", choices=LEVELS, default="none")
    args = parser.parse_args()
    index, notes, written = [], [], {}
    for path in sorted(args.models.glob("*18.onnx")):
        model = path.name.removesuffix(".onnx")
        scale, zero = input_scale(path)
        sessions = {level: session(path, level) for level in LEVELS}
        for crop in crops.CROPS:
            q = quantise(crops.network_input(crops.rgb_crop(crop)), scale, zero)
            x = (q.astype(np.float32) - zero) * scale
            assert (quantise(x, scale, zero) == q).all()
            out = {level: s.run(None, {"image": x})[0][0] for level, s in sessions.items()}
            nhwc = np.ascontiguousarray(q[0].transpose(1, 2, 0))
            assert written.setdefault(crop, (scale, zero)) == (scale, zero), "the networks quantise their input differently"
            line = f"input_{crop}.bin int8 256x192x3 {scale:.9g} {zero}"
            if line not in index:
                nhwc.tofile(HERE / f"input_{crop}.bin")
                index.append(line)
            unit = np.float32(np.abs(out[args.level]).max() / 32767)
            np.rint(out[args.level] / unit).astype("<i2").tofile(HERE / f"heatmaps_{model}_{crop}.bin")
            index.append(f"heatmaps_{model}_{crop}.bin int16 17x64x48 {unit:.9g} 0")
            notes.append(f"{model} {crop} none|all: {agreement(out['none'], out['all'])}")
    (HERE / "index.txt").write_text("\n".join(index) + "\n")
    (HERE / "agreement.txt").write_text("\n".join(notes) + "\n")
    print("\n".join(index + notes))


if __name__ == "__main__":
    main()
