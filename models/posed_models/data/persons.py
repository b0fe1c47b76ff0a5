"""Persons cut out of folders of photos: what training reads (crops.py's own file), and every person's box (a COCO file).

In: photos; boxes of a detector, of YOLO's `labels` folders, or of both. Out: crops and boxes, each photo once.

Photos that look like one that came before, or like one that is to be avoided, are left out: by difference hash (64 bits: is a
cell of a 9 x 8 picture brighter than its left neighbour?).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from posed_models.data.crops import CANVAS, ROOM, SMALLEST_BOX
from posed_models.data.planes import overlap
from posed_models.errors import PosedModelsError

ALIKE_BITS = 6
"""Photos alike in all but so many bits are the same photo."""
SAME_PERSON = 0.5
"""A labelled box that overlaps a found one by more (intersection over union) is that person's."""
QUALITY = 80
"""Of the crops' WebP."""

Find = Callable[[np.ndarray], list[tuple[list[float], float]]]
"""A photo in BGR bytes to boxes (x, y, w, h) and scores."""


@dataclass
class Photo:
    """One photo: its persons' boxes with scores (0: only labelled), and a crop and its box on the canvas where one was cut."""

    name: str
    what: str
    """`used`, or why not: `unreadable`, `twice`, `avoided`."""
    size: tuple[int, int] = (0, 0)
    """Width and height."""
    persons: list[tuple[list[float], float, tuple[bytes, tuple[float, ...]] | None]] = field(default_factory=list)
    bits: int | None = None
    """How it looks, of one that could be used."""


def look(photo: np.ndarray) -> int:
    """The difference hash of a BGR photo."""
    small = cv2.resize(cv2.cvtColor(photo, cv2.COLOR_BGR2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    return int("".join("1" if b else "0" for b in (small[:, 1:] > small[:, :-1]).ravel()), 2)


def files(folders: Sequence[str | Path]) -> list[Path]:
    """The photos of some folders, by name."""
    out = []
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise PosedModelsError(f"{folder}: no such folder")
        out += sorted(f for f in folder.iterdir() if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not out:
        raise PosedModelsError(f"{', '.join(map(str, folders))}: no .jpg or .png in it")
    return out


def labelled(photo: Path, width: int, height: int) -> list[list[float]]:
    """YOLO's boxes of a photo, `labels/NAME.txt` beside its folder: a line each, class, centre, width and height as shares."""
    path = photo.parent.parent / "labels" / f"{photo.stem}.txt"
    out = []
    for number, line in enumerate(path.read_text().splitlines() if path.is_file() else [], 1):
        try:
            _, x, y, w, h = (float(v) for v in line.split())
        except ValueError:
            if len(line.split()) > 5:  # an outline: its box is found by the detector or not at all
                continue
            raise PosedModelsError(f"{path}: line {number} is no box: wanted class, x, y, width, height") from None
        box = [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height]
        if min(box[2:]) > 2:
            out.append(box)
    return out


def cut(photo: np.ndarray, box: Sequence[float]) -> tuple[bytes, tuple[float, ...]]:
    """The canvas around a box as WebP, and the box (cx, cy, w, h) on it."""
    rows, columns = CANVAS
    scale = max(box[2] * ROOM / columns, box[3] * ROOM / rows)
    x, y = box[0] + box[2] / 2 - scale * columns / 2, box[1] + box[3] / 2 - scale * rows / 2
    flags = (cv2.INTER_AREA if scale > 2 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    canvas = cv2.warpAffine(photo, np.array([[scale, 0, x], [0, scale, y]]), (columns, rows), flags=flags)
    coded = cv2.imencode(".webp", canvas, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1].tobytes()
    return coded, (columns / 2, rows / 2, box[2] / scale, box[3] / scale)


class Cutter:
    """Cuts photo by photo: what it says of one depends on no other. `find`: a detector; `labels`: take YOLO's boxes too."""

    def __init__(self, find: Find | None, labels: bool, avoid: Iterable[int] = ()) -> None:
        self._find, self._labels, self._avoid = find, labels, list(avoid)

    def of(self, path: Path) -> Photo:
        """The persons of one photo."""
        photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if photo is None:
            return Photo(str(path), "unreadable")
        bits = look(photo)
        if any((bits ^ other).bit_count() <= ALIKE_BITS for other in self._avoid):
            return Photo(str(path), "avoided")
        height, width = photo.shape[:2]
        found = self._find(photo) if self._find is not None else []
        given = labelled(path, width, height) if self._labels else []
        # What the detector does not see is nobody to learn a pose from, unless there is none; a finder learns from all boxes.
        alone = 1.0 if self._find is None else 0.0
        found += [(box, alone) for box in given if not any(overlap(box, other) > SAME_PERSON for other, _ in found)]
        large = [max(box[2:]) >= SMALLEST_BOX and score > 0 for box, score in found]
        crops = [cut(photo, box) if wanted else None for (box, _), wanted in zip(found, large, strict=True)]
        persons = [(box, score, crop) for (box, score), crop in zip(found, crops, strict=True)]
        return Photo(str(path), "used", (width, height), persons, bits)


def gather(
    photos: Iterable[Path], cutter: Cutter, out: Path, say: Callable[[str], None] = print, threads: int = 2
) -> Counter[str]:
    """Writes `out` (crops) and the same name with .json (boxes); returns how many photos were used, or why not, and persons.

    Of photos that look alike the first is used, whichever thread is done first.
    """
    count: Counter[str] = Counter()
    used: list[Photo] = []
    seen: set[int] = set()
    with ThreadPoolExecutor(threads) as pool:
        for number, photo in enumerate(pool.map(cutter.of, photos), 1):
            if photo.bits in seen:
                photo = Photo(photo.name, "twice")
            if photo.bits is not None:
                seen.add(photo.bits)
            count[photo.what] += 1
            count["persons"] += sum(crop is not None for _, _, crop in photo.persons)
            if photo.what == "used":
                used.append(photo)
            if number % 1000 == 0:
                say(f"{number} photos, {count['persons']} persons")
    crops = [(photo.name, crop) for photo in used for _, _, crop in photo.persons if crop is not None]
    if not crops:
        raise PosedModelsError(f"nobody of {SMALLEST_BOX} pixels or more is in these photos: nothing is written")
    parts = [np.frombuffer(coded, np.uint8) for _, (coded, _) in crops]
    np.savez(
        out,
        bytes=np.concatenate(parts),
        off=np.cumsum([0] + [len(p) for p in parts]),
        box=np.array([box for _, (_, box) in crops], np.float32),
        kp=np.zeros((len(crops), 17, 3), np.float32),
        photo=np.array([name.encode() for name, _ in crops]),
    )
    out.with_suffix(".json").write_text(json.dumps(boxes(used)))
    return count


def boxes(photos: list[Photo]) -> dict[str, Any]:
    """A COCO file of every box, with its score."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, photo in enumerate(photos, 1):
        images.append({"id": number, "file_name": photo.name, "width": photo.size[0], "height": photo.size[1]})
        for box, score, _ in photo.persons:
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0, "num_keypoints": 0,
                    "bbox": [round(v, 1) for v in box], "area": round(box[2] * box[3], 1), "score": round(score, 3),
                }
            )  # fmt: skip
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
