"""Person crops for the engine's tests, cut exactly as tests/golden/make_golden.py cuts them.

In:  tests/golden/pixels_{astronaut,cameraman,basketball}.png of the repository named by $POSED_REPO (default: the
     repository this file lies in). Out: CROPS (name -> photo, box), rgb_crop(name): 256x192x3 uint8, network_input(rgb): 1x3x256x192 float32.
"""

import os
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).resolve().parent
REPO = Path(os.environ.get("POSED_REPO") or next((p for p in HERE.parents if (p / "Cargo.toml").exists()), "."))
PIXELS = REPO / "tests/golden"
CROP_W, CROP_H, PADDING = 192, 256, 1.25
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
CROPS = {
    "astronaut": ("astronaut", (22, 14, 346, 498)),
    "cameraman": ("cameraman", (0, 62, 334, 450)),
    "basketball": ("basketball", (34, 76, 152, 404)),
}


def cut(rgb, box, width=CROP_W, height=CROP_H):
    """The crop of one box [x, y, w, h]: grown to the crop's aspect, then by 1.25; black outside the picture."""
    x, y, w, h = box
    side = max(w / width, h / height) * PADDING
    scale = 1 / side
    m = np.array([[scale, 0, width / 2 - (x + w / 2) * scale], [0, scale, height / 2 - (y + h / 2) * scale]])
    return cv2.warpAffine(rgb, m, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def rgb_crop(name):
    photo, box = CROPS[name]
    return cut(cv2.cvtColor(cv2.imread(str(PIXELS / f"pixels_{photo}.png"), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), box)


def network_input(rgb):
    return np.ascontiguousarray(((rgb.astype(np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1)[None])
