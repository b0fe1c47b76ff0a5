"""What every convert_*.py does: each float ONNX (1x3x256x192) to another engine's form, held against onnxruntime on three golden crops."""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnxruntime

REPO = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPO / "tests/engine"))
import crops  # noqa: E402

MOST_APART = 1e-4
"""Of any heatmap value, in float32 throughout."""


def apart(model, run):
    """The largest difference of `run(input)` (1x3x256x192 float32 to 17x64x48) from onnxruntime, of any heatmap value; NaN if one is."""
    session, worst = onnxruntime.InferenceSession(str(model)), 0.0
    for name in crops.CROPS:
        x = np.ascontiguousarray(crops.network_input(crops.rgb_crop(name)))
        want = session.run(None, {session.get_inputs()[0].name: x})[0][0]
        worst = float(np.maximum(worst, np.abs(run(x) - want).max()))
    return worst


def differs(model, run):
    """Whether `run` is further from onnxruntime than it may be; says how far it is."""
    worst = apart(model, run)
    good = worst < MOST_APART  # a NaN is not
    print(f"{model.stem}: max difference {worst:.1e} from onnxruntime" + ("" if good else f", more than {MOST_APART:.0e}"))
    return not good


def main(doc, folder, convert):
    """`convert(model, out)`: writes the converted network to the folder `out`, gives the function that runs it."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("models", nargs="*", type=Path, default=sorted((REPO / "models").glob("*lite_hrnet_18_f32.onnx")))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / folder)
    args = parser.parse_args()
    args.out.mkdir(exist_ok=True)
    wrong = [m.name for m in args.models if differs(m, convert(m, args.out))]
    sys.exit(f"not the same network as its ONNX form: {', '.join(wrong)}" if wrong else 0)
