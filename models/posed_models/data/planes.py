"""A person as a peak over place and size, and back: what a finder network gives.

In: boxes x, y, w, h in input pixels. Out: planes h x w (a quarter of the input), one for each of [`SIZES`], half an octave apart;
or boxes of planes, as posed decodes them (src/find/peaks.rs).

A crop for a pose has an aspect of 3:4, so a person is a centre and the height of the 3:4 box around it: a Gaussian of
[`ACROSS`] of the height (1 to 3 cells) in x and y, and of [`ALONG`] planes in size. After CenterNet (Zhou et al., Objects as
Points, 2019), with the size as a third axis instead of a regression.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

SMALLEST, PLANES = 20.0, 9
SIZES = tuple(SMALLEST * 2 ** (k / 2) for k in range(PLANES))
"""Heights of 3:4 boxes in input pixels."""
ASPECT = 3 / 4
CELL = 4
"""Input pixels."""
ACROSS, NARROWEST, WIDEST = 0.07, 0.9, 3.0
ALONG = 0.7
TOO_SMALL = -0.8
"""Planes below the first: who is smaller is not counted."""
LEAST_OVERLAP, MOST_OVERLAP = 0.3, 0.6
"""What of an ignored box counts all the same (the target there), and when two found boxes are one (intersection over union)."""


def height(w: float, h: float) -> float:
    """Of the 3:4 box around a box."""
    return max(h, w / ASPECT)


def plane(size: float) -> float:
    """The place of a height among the planes."""
    return 2 * math.log2(max(size, 1e-3) / SMALLEST)


def wanted(
    persons: Sequence[Sequence[float]], ignored: Sequence[Sequence[float]], rows: int, columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Planes rows x columns x PLANES, and the weights of their errors; boxes in input pixels.

    Inside `ignored` boxes, and of persons too small, nothing is counted but what somebody else wants there.
    """
    out = np.zeros((rows, columns, PLANES), np.float32)
    y, x = np.arange(rows, dtype=np.float32)[:, None], np.arange(columns, dtype=np.float32)[None]
    away = list(ignored)
    for box in persons:
        size = height(box[2], box[3])
        at = plane(size)
        if at < TOO_SMALL:
            away.append(box)
            continue
        sigma = min(max(ACROSS * size / CELL, NARROWEST), WIDEST)
        cx, cy = (box[0] + box[2] / 2) / CELL, (box[1] + box[3] / 2) / CELL
        place = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma * sigma))
        along = np.exp(-((np.arange(PLANES) - min(at, PLANES - 1)) ** 2) / (2 * ALONG**2))
        out = np.maximum(out, place[..., None] * along.astype(np.float32))
    counted = np.ones_like(out)
    for bx, by, w, h in away:
        rows_, columns_ = (slice(max(int(a / CELL), 0), max(int((a + s) / CELL) + 1, 0)) for a, s in ((by, h), (bx, w)))
        counted[rows_, columns_] *= out[rows_, columns_] > LEAST_OVERLAP
    return out, counted


def _between(a: float, middle: float, b: float) -> float:
    """The top of a parabola through three neighbours, in steps from the middle one."""
    bend = a - 2 * middle + b
    return min(max(0.5 * (a - b) / bend, -0.5), 0.5) if bend < -1e-6 else 0.0


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of boxes x, y, w, h."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0.0) * max(h, 0.0)
    return both / max(a[2] * a[3] + b[2] * b[3] - both, 1e-9)


def distinct(found: list[tuple[list[float], float]], most: int) -> list[tuple[list[float], float]]:
    """Of boxes that overlap the one of the highest score, best first, at most so many."""
    kept: list[tuple[list[float], float]] = []
    for box, score in sorted(found, key=lambda f: -f[1]):
        if len(kept) < most and all(overlap(box, other) < MOST_OVERLAP for other, _ in kept):
            kept.append((box, score))
    return kept


def boxes(planes: np.ndarray, least: float, most: int = 20) -> list[tuple[list[float], float]]:
    """3:4 boxes in input pixels and scores, best first, of PLANES x h x w: what is no lower than its 26 neighbours."""
    depth, rows, columns = planes.shape
    padded = np.pad(planes, 1, constant_values=-np.inf)
    neighbours = [
        padded[1 + dz : 1 + dz + depth, 1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + columns]
        for dz in (-1, 0, 1)
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    ]
    found: list[tuple[list[float], float]] = []
    for z, y, x in zip(*np.where((planes >= np.max(neighbours, 0)) & (planes > least)), strict=True):
        top = float(planes[z, y, x])
        across = _between(planes[z, y, x - 1], top, planes[z, y, x + 1]) if 0 < x < columns - 1 else 0.0
        down = _between(planes[z, y - 1, x], top, planes[z, y + 1, x]) if 0 < y < rows - 1 else 0.0
        along = _between(planes[z - 1, y, x], top, planes[z + 1, y, x]) if 0 < z < depth - 1 else 0.0
        size = SMALLEST * 2 ** ((z + along) / 2)
        cx, cy = (x + across) * CELL, (y + down) * CELL
        found.append(([float(v) for v in (cx - size * ASPECT / 2, cy - size / 2, size * ASPECT, size)], top))
    return distinct(found, most)
