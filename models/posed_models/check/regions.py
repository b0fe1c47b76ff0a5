"""Accuracy of a segmentation on annotated photos.

In: NAME.onnx or NAME.toml, a folder of class maps or COCO's outlines, photos. Out: IoU, per cent.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from posed_models.check.estimator import Estimator, by_photo
from posed_models.check.metrics import Confusion
from posed_models.data import masks
from posed_models.data.crops import coco_people, coco_sizes
from posed_models.data.decode import photo
from posed_models.errors import PosedModelsError


def photo_figures(model: str | Path, folder: str | Path, photos: str | Path) -> dict[str, float]:
    """IoU in per cent, mean and by class. `folder`: PNG files of class numbers (255: not counted) named like the photos.

    The whole photo is brought to the network's input, its aspect kept; a pixel's class is that of the cell it lies in, as in
    posed (src/eval/regions.rs).
    """
    estimator = Estimator(model)
    estimator.padding = 1.0
    files = sorted(Path(folder).glob("*.png"))
    if not files:
        raise PosedModelsError(f"{folder}: no .png mask in it")
    confusion: Confusion | None = None
    for file in files:
        near = sorted(p for p in Path(photos).glob(file.stem + ".*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
        if not near:
            raise PosedModelsError(f"{file}: no photo {file.stem}.jpg or .png in {photos}")
        truth = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        if truth is None:
            raise PosedModelsError(f"{file}: cannot be read. It must be a PNG of class numbers")
        rows, columns = truth.shape
        logits, matrix = estimator.heatmaps(photo(near[0]), np.array([0, 0, columns, rows], float))
        confusion = confusion or Confusion(len(logits))
        stride = estimator.session.size[1] / logits.shape[2]
        x = (((np.arange(columns) - matrix[0, 2]) / matrix[0, 0] + 0.5) // stride).astype(int)
        y = (((np.arange(rows) - matrix[1, 2]) / matrix[1, 1] + 0.5) // stride).astype(int)
        # Not covered by the crop by a rounding: the cell at its edge.
        cells = logits.argmax(0)[y.clip(0, logits.shape[1] - 1)][:, x.clip(0, logits.shape[2] - 1)]
        confusion.add(truth, cells)
    assert confusion is not None
    out = {"mIoU": confusion.mean_iou()}
    return out | {f"IoU {i}": float(v) for i, v in enumerate(confusion.iou()) if not np.isnan(v)}


def person_figures(model: str | Path, annotations: str | Path, photos: str | Path) -> dict[str, float]:
    """IoU in per cent of person and background in the crop around each annotated person, cell by cell, as posed uses such a
    network.
    """
    data, people = coco_people(annotations)
    names, groups = {i["id"]: i["file_name"] for i in data["images"]}, masks.by_photo(annotations)
    estimator, confusion = Estimator(model), Confusion(2)
    for image, person in by_photo([(names[a["image_id"]], a) for a in people], Path(photos), coco_sizes(data)):
        logits, matrix = estimator.heatmaps(image, np.array(person["bbox"], float))
        cells = matrix @ np.diag([4.0, 4.0, 1.0]) + np.array([[0, 0, 1.5 * matrix[0, 0]], [0, 0, 1.5 * matrix[1, 1]]])
        truth = masks.draw(groups[person["image_id"]], cells, *logits.shape[1:])
        outside = masks.draw([{"bbox": [0, 0, *image.shape[1::-1]], "iscrowd": 1}], cells, *logits.shape[1:]) == 0
        confusion.add(np.where(outside, masks.IGNORED, truth), logits.argmax(0))
    background, own = (float(v) for v in confusion.iou())
    return {"mIoU": confusion.mean_iou(), "IoU background": background, "IoU person": own}
