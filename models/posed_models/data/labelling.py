"""What posed saw in photos, as a COCO keypoint file to train on.

In: the JSON lines that `posed image PHOTO…` prints (docs/output.md). Out: annotations as in person_keypoints_train2017.json. They
are a network's guesses: right for finding persons to distil from, not to be measured against.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from posed_models.data.skeletons import COCO_17
from posed_models.errors import PosedModelsError

SCHEMA = "posed/1"
LOWEST_SCORE = 0.3
"""A joint scored lower is written as not labelled."""


def _frame(line: str, where: str) -> dict[str, Any] | None:
    """The frame in a line, or nothing for lines of other types."""
    try:
        frame = json.loads(line)
    except json.JSONDecodeError as e:
        raise PosedModelsError(f"{where}: is no JSON: give the lines that `posed image` prints") from e
    if not isinstance(frame, dict) or frame.get("schema") != SCHEMA:
        raise PosedModelsError(f"{where}: its schema is not {SCHEMA}: give the lines that `posed image` prints")
    if frame.get("type") != "frame":
        return None
    if "source" not in frame:
        raise PosedModelsError(f"{where}: names no photo: give the lines of `posed image`, not those of a camera")
    return frame


def _person(person: dict[str, Any], where: str) -> list[float]:
    """17 x (x, y, 2), or (0, 0, 0) where the score is low."""
    joints = person["keypoints"]
    if set(joints) != set(COCO_17.names):
        raise PosedModelsError(f"{where}: its joints are not COCO's 17: run posed with a network of 17 joints")
    out: list[float] = []
    for name in COCO_17.names:
        x, y, score = joints[name]
        out += [x, y, 2] if score >= LOWEST_SCORE else [0, 0, 0]
    return out


def to_coco(lines: str | Path) -> dict[str, Any]:
    """The photos of a file of lines and the persons in them, boxes x, y, w, h in pixels."""
    path = Path(lines)
    if not path.is_file():
        raise PosedModelsError(f"{path}: no such file")
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path}:{number}"
        if (frame := _frame(line, where)) is None:
            continue
        width, height = frame["size"]
        images.append({"id": len(images) + 1, "file_name": frame["source"], "width": width, "height": height})
        for person in frame["people"]:
            keypoints = _person(person, where)
            _, _, w, h = person["box"]
            labelled = sum(v > 0 for v in keypoints[2::3])
            known = {"id": len(people) + 1, "image_id": len(images), "category_id": 1, "iscrowd": 0}
            people.append({**known, "bbox": person["box"], "area": w * h, "keypoints": keypoints, "num_keypoints": labelled})
    if not any(p["num_keypoints"] for p in people):
        raise PosedModelsError(f"{path}: no person with joints in {len(images)} photos: nothing to learn from")
    category = {"id": 1, "name": "person", "keypoints": list(COCO_17.names), "skeleton": []}
    return {"images": images, "annotations": people, "categories": [category]}
