"""A golden picture and output in the card, by which an installation checks itself (`posed models verify`, src/model/golden.rs).

In: an ONNX network and a PNG beside it. Out: the card's `[golden]` table:

    [golden]
    input = "golden.png"
    tolerance = 0.1
    peaks = [[18, 16, 0.66530], …]      # for each joint: column, row and value of the heatmap's highest cell, by ONNX Runtime

The picture is brought to the network's size by nearest neighbour in whole numbers: pixel (x, y) is the picture's (⌊x·w/W⌋,
⌊y·h/H⌋). An engine agrees if for each joint its value in that cell, and its own maximum, are within `tolerance` of the
peak's. A segmentation has `shares = [0.7, 0.3]` instead: the share of cells in which each class has the largest logit.

Noise (a ramp, random bytes) is no golden picture for int8: heatmaps stay under 0.2, and two levels of ONNX Runtime's own
optimiser already differ by 0.03 there. A person gives peaks of 0.3 to 0.9, and they mostly differ by less than 0.1; where ONNX
Runtime with its optimiser differs by more than half of that from itself without, twice that is allowed. Where no golden.png lies
beside the network, a person of bars and ellipses is drawn.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from posed_models.check.session import Session
from posed_models.data.imagenet import normalise
from posed_models.errors import PosedModelsError
from posed_models.tasks import Task

NAME = "golden.png"

_SKIN, _SHIRT, _TROUSERS, _HAIR = (205, 160, 130), (190, 40, 40), (40, 50, 90), (50, 35, 30)
# Lengths are tenths of 1/64 of the picture's height; x from the middle, y from the top. Mirrored: drawn at −x, then at x.
# bar: x0, y0, x1, y1, half width: every row from y0 to y1, around the line from (x0, y0) to (x1, y1). ellipse: centre, radii.
_SHAPES: tuple[tuple[str, bool, tuple[int, ...], tuple[int, int, int]], ...] = (
    ("bar", True, (65, 160, 95, 260, 20), _SHIRT),
    ("bar", True, (95, 260, 110, 320, 16), _SKIN),
    ("ellipse", True, (113, 330, 13, 18), _SKIN),
    ("bar", True, (28, 330, 36, 460, 25), _TROUSERS),
    ("bar", True, (36, 460, 38, 565, 20), _TROUSERS),
    ("ellipse", True, (42, 570, 22, 13), _HAIR),
    ("bar", False, (0, 120, 0, 170, 17), _SKIN),
    ("bar", True, (45, 160, 30, 350, 28), _SHIRT),
    ("bar", False, (0, 160, 0, 350, 40), _SHIRT),
    ("ellipse", True, (55, 172, 24, 20), _SHIRT),
    ("ellipse", False, (0, 90, 34, 44), _SKIN),
    ("ellipse", False, (0, 60, 36, 24), _HAIR),
    ("ellipse", True, (34, 93, 6, 10), _SKIN),
    ("ellipse", True, (13, 88, 5, 4), (30, 30, 30)),
    ("ellipse", False, (0, 102, 5, 7), (170, 115, 95)),
    ("ellipse", False, (0, 116, 12, 4), (150, 60, 60)),
)


def figure(height: int, width: int) -> np.ndarray:
    """height x width x 3 bytes: a person in front of a wall on a floor.

    With X = (2x + 1 − W)·320 and Y = (2y + 1)·320, and all lengths of the shapes times H:
    a bar holds (X, Y) if y0 ≤ Y ≤ y1 and |(X − x0)·(y1 − y0) − (x1 − x0)·(Y − y0)| ≤ r·(y1 − y0) (the differences not times H);
    an ellipse if ((X − cx)·ry)² + ((Y − cy)·rx)² < (rx·ry·H)².
    """
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    px, py = (2 * x + 1 - width) * 320, (2 * y + 1) * 320
    row = y * 64 // height
    image = np.stack([90 + row, 110 + row, 120 + row // 2], -1).astype(np.uint8)
    image[row >= 52] = (120, 110, 90)
    for kind, mirrored, numbers, colour in _SHAPES:
        for side in (-1, 1) if mirrored else (1,):
            if kind == "bar":
                x0, y0, x1, y1, r = numbers
                off = (px - side * x0 * height) * (y1 - y0) - side * (x1 - x0) * (py - y0 * height)
                inside = (py >= y0 * height) & (py <= y1 * height) & (abs(off) <= r * height * (y1 - y0))
            else:
                cx, cy, rx, ry = numbers
                inside = ((px - side * cx * height) * ry) ** 2 + ((py - cy * height) * rx) ** 2 < (rx * ry * height) ** 2
            image[inside] = colour
    return image


def picture(folder: Path) -> np.ndarray:
    """The golden picture in `folder` as RGB bytes, drawn and saved there if there is none."""
    path = folder / NAME
    if not path.exists():
        cv2.imwrite(str(path), figure(256, 192)[:, :, ::-1])
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise PosedModelsError(f"{path}: is no picture. Delete it, and one is drawn")
    return image[:, :, ::-1]


def fit(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Nearest neighbour in whole numbers, as in the module's doc."""
    h, w = image.shape[:2]
    return image[np.arange(height)[:, None] * h // height, np.arange(width)[None] * w // width]


def table(onnx: str | Path, task: Task, precision: str) -> str:
    """The golden table of a network, as TOML."""
    session = Session(onnx)
    image = normalise(fit(picture(Path(onnx).parent), *session.size))[None]
    lines = task.golden(session.run(image)[0], precision, lambda: Session(onnx, rewritten=True).run(image)[0])
    return "\n".join(["[golden]", f'input = "{NAME}"', *lines]) + "\n"
