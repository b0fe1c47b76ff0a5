"""The scale on which every network here reads its pictures: ImageNet's.

In: RGB bytes. Out: (value/255 − mean)/deviation.
"""

from __future__ import annotations

import numpy as np

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
"""ImageNet's mean of each RGB channel, on the scale 0 to 1."""
STD = np.array([0.229, 0.224, 0.225], np.float32)
"""ImageNet's standard deviation of each RGB channel, on the scale 0 to 1."""


def normalise(rgb: np.ndarray) -> np.ndarray:
    """Bytes … x H x W x 3 (RGB) to float … x 3 x H x W, (value/255 − mean)/std."""
    x = (rgb.astype(np.float32) / np.float32(255) - MEAN) / STD
    return np.moveaxis(x, -1, -3)
