"""Fixtures: small data made on the spot, and the settings that keep the tests quick on a busy machine."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from posed_models.check.golden import figure
from posed_models.int8 import quantise

REPOSITORY = Path(__file__).parents[2]
PHOTOS = REPOSITORY / "photos"
SHAPES = {
    "lite18": ((40, 80, 160, 320), (2, 4, 2), True),
    "lite30": ((40, 80, 160, 320), (3, 8, 3), True),
    "naive18": ((30, 60, 120, 240), (2, 4, 2), False),
    "wider18": ((40, 80, 160, 320), (2, 4, 2), False),
}


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)  # two threads that wait for each other on a busy machine are slower than one


@pytest.fixture
def few(monkeypatch):
    """Calibrates on a few crops."""
    monkeypatch.setattr(quantise, "CALIBRATION_BATCHES", 2)
    monkeypatch.setattr(quantise, "CALIBRATION_BATCH", 4)
    monkeypatch.setattr(quantise, "CORRECTION_CROPS", 4)


def figure_joints(x: float, y: float, height: int) -> np.ndarray:
    """The 17 joints of the drawn person whose picture has its middle and top at (x, y), from golden.py's shapes.

    Seen from behind, as the networks see it: its left is the picture's left.
    """
    xs = [0, 13, -13, 34, -34, 58, -58, 95, -95, 110, -110, 33, -33, 36, -36, 38, -38]
    ys = [102, 88, 88, 93, 93, 172, 172, 260, 260, 320, 320, 345, 345, 460, 460, 565, 565]
    return np.stack([x - np.array(xs) * height / 640, y + np.array(ys) * height / 640, np.full(17, 2.0)], 1)


@pytest.fixture(scope="session")
def coco(tmp_path_factory):
    """Six pictures with a drawn person each: (annotations.json, folder)."""
    folder = tmp_path_factory.mktemp("coco")
    images, annotations = [], []
    for i in range(6):
        canvas = np.full((300, 260, 3), 60 + 20 * i, np.uint8)
        canvas[20:276, 30:222] = figure(256, 192)
        cv2.imwrite(str(folder / f"{i}.png"), canvas[:, :, ::-1])
        kp = figure_joints(126, 20, 256)
        images.append({"id": i + 1, "file_name": f"{i}.png", "width": 260, "height": 300})
        annotations.append(
            {
                "id": i + 1, "image_id": i + 1, "category_id": 1, "bbox": [85, 30, 85, 235], "area": 15000, "iscrowd": 0,
                "num_keypoints": 17, "keypoints": kp.ravel().tolist(),
            }
        )  # fmt: skip
    crowd = {**annotations[0], "id": 99, "iscrowd": 1}
    path = folder / "annotations.json"
    categories = [{"id": 1, "name": "person", "keypoints": [], "skeleton": []}]
    path.write_text(json.dumps({"images": images, "annotations": annotations + [crowd], "categories": categories}))
    return path, folder


@pytest.fixture(scope="session")
def mpii(coco, tmp_path_factory):
    """Two of the same pictures as MPII's file."""
    path = tmp_path_factory.mktemp("mpii") / "mpii.json"
    people = []
    for i in range(2):
        joints = (np.arange(32).reshape(16, 2) * 5.0 + 60).tolist()
        people.append(
            {"image": f"{i}.png", "center": [127.0, 121.0], "scale": 2.0, "joints": joints, "joints_vis": [1] * 15 + [0]}
        )
    path.write_text(json.dumps(people))
    return path, coco[1]
