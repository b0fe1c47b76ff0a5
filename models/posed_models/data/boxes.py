"""What RTMDet as a finder gives (nets/rtmdet.py), and back to boxes, as posed reads it (src/find/boxes.rs).

In: 15 x h x w: for each stride score (logit), left, top, right, bottom; of a stride n times the first every n-th cell counts.
Out: boxes x, y, w, h in input pixels and scores, best first.
"""

from __future__ import annotations

import numpy as np

from posed_models.data.planes import distinct
from posed_models.nets.rtmdet import PLANES, STRIDES


def boxes(maps: np.ndarray, least: float, most: int = 20) -> list[tuple[list[float], float]]:
    """The persons of at least this score, each once."""
    found: list[tuple[list[float], float]] = []
    for i, stride in enumerate(STRIDES):
        step = stride // STRIDES[0]
        level = maps[PLANES * i : PLANES * (i + 1), ::step, ::step]
        scores = 1 / (1 + np.exp(-level[0].astype(np.float64)))
        for y, x in zip(*np.where(scores > least), strict=True):
            left, top, right, bottom = (float(v) for v in level[1:, y, x])
            box = [x * stride - left, y * stride - top, left + right, top + bottom]
            if box[2] > 0 and box[3] > 0:
                found.append(([float(v) for v in box], float(scores[y, x])))
    return distinct(found, most)
