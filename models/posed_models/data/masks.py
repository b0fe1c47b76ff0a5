"""Outlines of persons as class maps, for segmentation with two classes.

In: a COCO annotation file (polygons). Out: for each annotated person a map of what its picture shows: 0 background, 1 person
(anybody, not only the one in the box), 255 not counted (crowds).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from posed_models.data.crops import CropSet, coco_people, read_coco
from posed_models.errors import PosedModelsError

IGNORED = 255


def draw(annotations: list[dict[str, Any]], matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """The persons of one photo as height x width bytes; `matrix` (2 x 3, no turning) maps the map's pixels to image pixels."""
    out = np.zeros((height, width), np.uint8)
    scale, offset = matrix[[0, 1], [0, 1]], matrix[:, 2]
    for a in sorted(annotations, key=lambda a: -a.get("iscrowd", 0)):
        shape = a.get("segmentation")
        if a.get("iscrowd", 0) or not isinstance(shape, list):  # crowds are run-length coded: their box stands for them
            x, y, w, h = a["bbox"]
            polygons = [np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], float)]
            value = IGNORED
        else:
            polygons, value = [np.array(p, float).reshape(-1, 2) for p in shape], 1
        for polygon in polygons:
            points = np.rint((polygon - offset) / scale * 16).astype(np.int32)  # sixteenths of a pixel
            cv2.fillPoly(out, [points.reshape(-1, 1, 2)], value, shift=4)
    return out


def by_photo(path: str | Path) -> dict[Any, list[dict[str, Any]]]:
    """All annotations of a COCO file by image id; at least one must have an outline."""
    data, _ = coco_people(path)
    out: dict[Any, list[dict[str, Any]]] = {}
    for a in data["annotations"]:
        out.setdefault(a["image_id"], []).append(a)
    if not any(isinstance(a.get("segmentation"), list) and a["segmentation"] for a in data["annotations"]):
        raise PosedModelsError(f"{path}: no annotation has a `segmentation` polygon: give COCO's own person_keypoints file")
    return out


def read(path: str | Path, photos: str | Path | None, device: str = "cpu") -> CropSet:
    """Like `crops.read_coco`, with a class map for each canvas."""
    if photos is None or Path(path).suffix != ".json":
        raise PosedModelsError(f"{path}: a segmentation learns from a COCO JSON with polygons, and --images FOLDER")
    crops = read_coco(path, photos, device)
    _, people = coco_people(path)
    groups = by_photo(path)
    maps = crops.maps

    def load(i: int) -> np.ndarray:
        return draw(groups[people[i]["image_id"]], maps[i], *crops.canvas_size)

    crops.load_mask = load
    return crops


def at_cells(masks: Tensor, matrix: Tensor, height: int, width: int) -> Tensor:
    """

     x rows x columns bytes on canvases to n x H/4 x W/4 classes: each cell takes the class in the middle of its 4 x 4 crop
    pixels.
    """
    rows, columns = masks.shape[1:]
    y, x = torch.meshgrid(torch.arange(height // 4), torch.arange(width // 4), indexing="ij")
    cells = torch.stack([x * 4 + 1.5, y * 4 + 1.5, torch.ones_like(x)], -1).float().to(matrix.device)
    at = cells.view(1, -1, 3) @ matrix.transpose(1, 2)
    grid = (2 * at + 1) / torch.tensor([columns, rows], device=matrix.device) - 1
    # outside the canvas nothing is known of the picture: not counted
    inside = 255 - masks[:, None].float()
    found = 255 - F.grid_sample(inside, grid.view(len(masks), height // 4, width // 4, 2), mode="nearest", align_corners=False)
    return found[:, 0].long()
