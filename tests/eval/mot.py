"""What py-motmetrics says of people who were followed.

In:  python tests/eval/mot.py < CLIP.json
     {"frames": [{"truth": [[id, x, y, width, height], ...], "found": [[id, x, y, width, height], ...]}, ...]};
     needs motmetrics (last run with 1.4.0)
Out: one JSON object on stdout: IDF1 (Ristani et al. 2016), MOTA, id switches, misses, false positives, objects
     A person is found where the boxes overlap by SAME of their union or more.
"""

import json
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import motmetrics  # noqa: E402

# Overlap from which two boxes show one person.
SAME = 0.5
NAMES = {
    "idf1": "IDF1",
    "mota": "MOTA",
    "num_switches": "switches",
    "num_misses": "misses",
    "num_false_positives": "false_positives",
    "num_objects": "objects",
}


def distances(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """1 - intersection over union of every pair of boxes; NaN where they are not the same person."""
    (a, b), (c, d) = ((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]) for boxes in (truth, found))
    sides = np.minimum(b[:, None], d[None]) - np.maximum(a[:, None], c[None])
    both = sides.clip(min=0).prod(-1)
    either = (b - a).prod(-1)[:, None] + (d - c).prod(-1)[None] - both
    overlap = both / either
    return np.where(overlap >= SAME, 1 - overlap, np.nan)


def evaluate(frames: list[dict[str, list[list[float]]]]) -> dict[str, float]:
    """The figures of a whole clip."""
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames:
        truth, found = (np.array(frame[k], dtype=float).reshape(-1, 5) for k in ("truth", "found"))
        apart = distances(truth[:, 1:], found[:, 1:])
        accumulator.update(truth[:, 0].astype(int), found[:, 0].astype(int), apart)
    figures = motmetrics.metrics.create().compute(accumulator, metrics=list(NAMES), name="clip")
    return {said: float(figures[name]["clip"]) for name, said in NAMES.items()}


if __name__ == "__main__":
    if len(sys.argv) != 1:
        sys.exit("usage: python tests/eval/mot.py < CLIP.json")
    print(json.dumps(evaluate(json.load(sys.stdin)["frames"])))
