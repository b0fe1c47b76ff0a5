"""Accuracy of a network of poses on annotated photos, measured as `posed eval` does.

In: NAME.onnx or NAME.toml, annotations of COCO or MPII, photos. Out: the ten figures of COCO's keypoint evaluation, or PCKh.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from posed_models.check.estimator import Estimator, by_photo
from posed_models.check.metrics import head_size, pckh
from posed_models.data.crops import coco_people, coco_sizes, is_list, mpii_people
from posed_models.data.decode import score
from posed_models.data.skeletons import MPII_16
from posed_models.errors import PosedModelsError

COCO_FIGURES = ("AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl")


def coco_detections(model: str | Path, annotations: str | Path, photos: str | Path) -> list[dict[str, Any]]:
    """COCO's results form, one entry for each annotated person."""
    data, people = coco_people(annotations)
    names = {i["id"]: i["file_name"] for i in data["images"]}
    estimator, out = Estimator(model), []
    for image, person in by_photo([(names[a["image_id"]], a) for a in people], Path(photos), coco_sizes(data)):
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
    for image, person in by_photo([(a["image"], a) for a in people], Path(photos)):
        found.append(estimator.joints(image, person["box"]))
        truth.append(person["keypoints"])
        box = person.get("headbox")
        head.append(0.6 * float(np.hypot(box[2] - box[0], box[3] - box[1])) if box else -1.0)
    f, t = np.array(found), np.array(truth)
    if f.shape[1] != 16:
        raise PosedModelsError(f"{model}: has {f.shape[1]} joints, MPII has 16: choose an MPII model, or COCO annotations")
    sizes = np.array(head) if min(head) >= 0 else head_size(t, MPII_16)
    return {"PCKh": pckh(f, t, sizes, MPII_16), "PCKh@0.1": pckh(f, t, sizes, MPII_16, 0.1)}


def figures(model: str | Path, annotations: Path, photos: str | Path, detections: str | Path | None = None) -> dict[str, float]:
    """By the file's form, COCO's or MPII's."""
    if is_list(annotations):
        return mpii_figures(model, annotations, photos)
    found = coco_detections(model, annotations, photos)
    if detections is not None:
        Path(detections).write_text(json.dumps(found))
    return coco_figures(annotations, found)
