"""Accuracy of an ONNX network on annotated photos, measured as `posed eval` does.

In: NAME.onnx or NAME.toml, annotations, photos; every person is cropped by its true box, once, not mirrored, joints by DARK.
Out: the ten figures of COCO's keypoint evaluation, PCKh of MPII, or the mean IoU of a segmentation.
"""

from __future__ import annotations

import contextlib
import io
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from posed_models import masks
from posed_models.crops import CropSet, coco_people, mpii_people
from posed_models.decode import PADDING, crop, crop_matrix, joints, score
from posed_models.errors import PosedModelsError
from posed_models.heldout import HeldOut
from posed_models.metrics import Confusion, head_size, pckh
from posed_models.session import Session, normalise
from posed_models.skeletons import MPII_16

COCO_FIGURES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")


class Estimator:
    """A network with posed's cropping before and decoding behind it."""

    def __init__(self, model: str | Path) -> None:
        path, self.padding = Path(model), PADDING
        if path.suffix == ".toml":
            card = tomllib.loads(path.read_text())
            self.padding = card["input"].get("padding", PADDING)
            path = path.parent / card["file"]
        self.session = Session(path)
        self.segmentation = self.session.output == "classes"

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


def photo(path: Path) -> np.ndarray:
    """A picture as RGB bytes; EXIF turns are not followed, as in posed and in COCO's annotations."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise PosedModelsError(f"{path}: cannot be read. Give the folder that holds the annotation file's photos")
    return np.ascontiguousarray(image[:, :, ::-1])


def _by_photo(rows: list[tuple[str, Any]], folder: Path) -> Iterator[tuple[np.ndarray, Any]]:
    """Each row with its photo, which is decoded once for neighbours of the same one."""
    name, image = "", np.zeros((0, 0, 3), np.uint8)
    for file, row in sorted(rows, key=lambda r: r[0]):
        if file != name:
            name, image = file, photo(folder / file)
        yield image, row


def coco_detections(model: str | Path, annotations: str | Path, photos: str | Path) -> list[dict[str, Any]]:
    """COCO's results form, one entry for each annotated person."""
    data, people = coco_people(annotations)
    names = {i["id"]: i["file_name"] for i in data["images"]}
    estimator, out = Estimator(model), []
    for image, person in _by_photo([(names[a["image_id"]], a) for a in people], Path(photos)):
        found = estimator.joints(image, np.array(person["bbox"], float))
        if len(found) != 17:
            raise PosedModelsError(f"{model}: has {len(found)} joints, COCO has 17: choose a COCO model, or MPII annotations")
        out.append(
            {
                "image_id": person["image_id"],
                "category_id": person["category_id"],
                "keypoints": [float(v) for v in found.ravel()],
                "score": score(found),
            }
        )
    return out


def coco_figures(annotations: str | Path, detections: list[dict[str, Any]]) -> dict[str, float]:
    """pycocotools' ten keypoint figures, 0 to 1, −1 where no person of that size is annotated."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as e:
        raise PosedModelsError("AP needs pycocotools: pip install 'posed-models[eval]'") from e
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        run = COCOeval(truth, truth.loadRes(detections), iouType="keypoints")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return dict(zip(COCO_FIGURES, (float(v) for v in run.stats), strict=True))


def mpii_figures(model: str | Path, annotations: str | Path, photos: str | Path) -> dict[str, float]:
    """PCKh@0.5 and @0.1, per cent.

    Head size: 0.6 of the diagonal of `headbox` (x1, y1, x2, y2) where the file has one for each person (MPII's rule), else
    the distance from upper neck to head top.
    """
    people = mpii_people(annotations)
    estimator, found, truth, head = Estimator(model), [], [], []
    for image, person in _by_photo([(a["image"], a) for a in people], Path(photos)):
        found.append(estimator.joints(image, person["box"]))
        truth.append(person["keypoints"])
        box = person.get("headbox")
        head.append(0.6 * float(np.hypot(box[2] - box[0], box[3] - box[1])) if box else -1.0)
    f, t = np.array(found), np.array(truth)
    if f.shape[1] != 16:
        raise PosedModelsError(f"{model}: has {f.shape[1]} joints, MPII has 16: choose an MPII model, or COCO annotations")
    sizes = np.array(head) if min(head) >= 0 else head_size(t, MPII_16)
    return {"PCKh": pckh(f, t, sizes, MPII_16), "PCKh@0.1": pckh(f, t, sizes, MPII_16, 0.1)}


def segmentation_figures(model: str | Path, folder: str | Path, photos: str | Path) -> dict[str, float]:
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
    for image, person in _by_photo([(names[a["image_id"]], a) for a in people], Path(photos)):
        logits, matrix = estimator.heatmaps(image, np.array(person["bbox"], float))
        cells = matrix @ np.diag([4.0, 4.0, 1.0]) + np.array([[0, 0, 1.5 * matrix[0, 0]], [0, 0, 1.5 * matrix[1, 1]]])
        truth = masks.draw(groups[person["image_id"]], cells, *logits.shape[1:])
        outside = masks.draw([{"bbox": [0, 0, *image.shape[1::-1]], "iscrowd": 1}], cells, *logits.shape[1:]) == 0
        confusion.add(np.where(outside, masks.IGNORED, truth), logits.argmax(0))
    background, own = (float(v) for v in confusion.iou())
    return {"mIoU": confusion.mean_iou(), "IoU background": background, "IoU person": own}


def held_out_figures(model: str | Path, held: CropSet) -> dict[str, float]:
    """PCK@0.2 and AP in per cent, of the persons `held` out of training, cut as for training (heldout.py)."""
    session = Estimator(model).session
    if not (held.keypoints[..., 2] > 0).any():
        raise PosedModelsError("no joint of the held-out persons is labelled: nothing to compare with")
    return HeldOut(held, *session.size).figures(lambda x: torch.from_numpy(session.run(x.numpy())), None)


def figures(
    model: str | Path, annotations: str | Path, photos: str | Path, detections: str | Path | None = None
) -> dict[str, float]:
    """Whichever of the three `annotations` asks for: a COCO file, an MPII file, or a folder of masks."""
    path = Path(annotations)
    if path.is_dir():
        return segmentation_figures(model, path, photos)
    if not path.is_file():
        raise PosedModelsError(f"{path}: no such file")
    with path.open() as file:
        if file.read(1) == "[":
            return mpii_figures(model, path, photos)
    if Estimator(model).segmentation:
        return person_figures(model, path, photos)
    found = coco_detections(model, path, photos)
    if detections is not None:
        Path(detections).write_text(json.dumps(found))
    return coco_figures(path, found)
