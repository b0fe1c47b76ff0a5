"""An ONNX network run on photos as posed runs it: every person is cropped by a box, once, not mirrored; joints by DARK.

In: NAME.onnx or NAME.toml, a photo, a box. Out: heatmaps or joints.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from posed_models.check.session import Session
from posed_models.data.decode import PADDING, crop, crop_matrix, joints, photo
from posed_models.data.imagenet import normalise


class Estimator:
    """A network with posed's cropping before and decoding behind it."""

    def __init__(self, model: str | Path) -> None:
        path, self.padding = Path(model), PADDING
        if path.suffix == ".toml":
            card = tomllib.loads(path.read_text())
            self.padding = card["input"].get("padding", PADDING)
            path = path.parent / card["file"]
        self.session = Session(path)

    def heatmaps(self, rgb: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Heatmaps J x h x w of the person in `box` (x, y, w, h), and the crop's map to the image."""
        height, width = self.session.size
        matrix = crop_matrix(box, height, width, self.padding)
        x = normalise(crop(rgb, matrix, height, width))[None]
        return self.session.run(x)[0], matrix

    def joints(self, rgb: np.ndarray, box: np.ndarray) -> np.ndarray:
        """J x 3: x, y in image pixels, and score."""
        heatmaps, matrix = self.heatmaps(rgb, box)
        return joints(heatmaps, matrix, self.session.size[1] / heatmaps.shape[-1])


def by_photo(
    rows: list[tuple[str, Any]], folder: Path, sizes: dict[str, tuple[int, int]] | None = None
) -> Iterator[tuple[np.ndarray, Any]]:
    """Each row with its photo, which is decoded once for neighbours of the same one. `sizes`: (width, height) as annotated."""
    name, image = "", np.zeros((0, 0, 3), np.uint8)
    for file, row in sorted(rows, key=lambda r: r[0]):
        if file != name:
            name, image = file, photo(folder / file, (sizes or {}).get(file))
        yield image, row
