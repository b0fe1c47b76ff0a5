"""Boxes to crops and heatmaps to joints, exactly as posed does it (src/geometry.rs, src/estimate/dark.rs).

In: a picture and a person's box; heatmaps J x h x w. Out: a crop; J x 3 joints (x, y, score).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from posed_models.errors import PosedModelsError

PADDING = 1.25
"""The factor by which a person's box is made larger before it is cropped."""

VISIBLE = 0.25
"""A joint of this score counts as seen, as in posed."""

_RADIUS, _SIGMA, _LONGEST_STEP = 5, 2.0, 2.0  # of DARK, in heatmap cells
_K = np.exp(-(np.arange(-_RADIUS, _RADIUS + 1.0) ** 2) / (2 * _SIGMA**2))
_KERNEL = _K / _K.sum()


def photo(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """A picture as RGB bytes, upright by its EXIF orientation, as in posed. `size`: width and height that the annotations
    name; some were annotated by programs that know nothing of EXIF, and then the picture is as it is stored."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise PosedModelsError(f"{path}: cannot be read. Give the folder that holds the annotation file's photos")
    if size is not None and size != image.shape[1::-1]:
        stored = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if stored is not None and stored.shape[1::-1] == size:
            image = stored
    return np.ascontiguousarray(image[:, :, ::-1])


def crop_matrix(box: np.ndarray, height: int, width: int, padding: float = PADDING) -> np.ndarray:
    """2 x 3 map from crop pixels to image pixels for a box (x, y, w, h in image pixels).

    The box is brought to the crop's aspect around its centre and made `padding` times larger. No half-pixel shift:
    image = (crop − size/2)·scale + centre.
    """
    x, y, w, h = (float(v) for v in box)
    wide = max(w, h * width / height) * padding
    sx, sy = wide / width, wide * height / width / height
    return np.array([[sx, 0, x + w / 2 - sx * (width // 2)], [0, sy, y + h / 2 - sy * (height // 2)]])


def crop(image: np.ndarray, matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """The crop as bytes height x width x 3: bilinear, rounded to whole grey levels, black outside."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def dark(heatmap: np.ndarray) -> tuple[float, float, float]:
    """The peak of one heatmap h x w: x, y in cells, and the raw maximum.

    Zhang et al., Distribution-Aware Coordinate Representation, CVPR 2020, section 3.2: blur (11 x 11, σ = 2), logarithm, and one
    Newton step −H⁻¹·g from the highest raw cell.
    """
    h, w = heatmap.shape
    flat = np.where(np.isnan(heatmap), -np.inf, heatmap)
    y, x = divmod(int(flat.argmax()), w)
    score = float(flat[y, x])
    if not np.isfinite(score):
        return 0.0, 0.0, 0.0
    if score <= 0 or not (1 < x < w - 2 and 1 < y < h - 2):
        return float(x), float(y), score
    r = _RADIUS + 2
    window = np.zeros((2 * r + 1, 2 * r + 1))
    y0, y1, x0, x1 = max(0, y - r), min(h, y + r + 1), max(0, x - r), min(w, x + r + 1)
    window[y0 - y + r : y1 - y + r, x0 - x + r : x1 - x + r] = heatmap[y0:y1, x0:x1]
    rows = np.lib.stride_tricks.sliding_window_view(window, 2 * _RADIUS + 1, 1) @ _KERNEL
    n = np.log(np.maximum(np.lib.stride_tricks.sliding_window_view(rows, 2 * _RADIUS + 1, 0) @ _KERNEL, 1e-10))
    gx, gy = (n[2, 3] - n[2, 1]) / 2, (n[3, 2] - n[1, 2]) / 2
    xx, yy = (n[2, 4] - 2 * n[2, 2] + n[2, 0]) / 4, (n[4, 2] - 2 * n[2, 2] + n[0, 2]) / 4
    xy = (n[3, 3] - n[1, 3] - n[3, 1] + n[1, 1]) / 4
    det = xx * yy - xy * xy
    if det == 0:
        return float(x), float(y), score
    dx, dy = (xy * gy - yy * gx) / det, (xy * gx - xx * gy) / det
    if np.hypot(dx, dy) > _LONGEST_STEP:
        dx = dy = 0.0
    return float(x + dx), float(y + dy), score


def joints(heatmaps: np.ndarray, matrix: np.ndarray, stride: float = 4.0) -> np.ndarray:
    """Heatmaps J x h x w to J x 3: x, y in image pixels and score. `matrix`: of [`crop_matrix`]; `stride`: crop pixels a cell."""
    out = np.empty((len(heatmaps), 3))
    for k, heatmap in enumerate(heatmaps):
        x, y, score = dark(heatmap)
        out[k] = *(matrix @ [x * stride, y * stride, 1.0]), score
    return out


def score(joints: np.ndarray) -> float:
    """A person's score: the mean over the joints (J x 3) that are seen, as in posed."""
    seen = joints[joints[:, 2] >= VISIBLE, 2]
    return float(seen.mean()) if len(seen) else 0.0
