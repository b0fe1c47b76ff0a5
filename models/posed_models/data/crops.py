"""Persons to train on, whatever file they come from.

In: persons.npz (our own crops, cut by persons.py), a COCO keypoint JSON with its photos, or mmpose's MPII JSON. Out: a
[`CropSet`]: for each person a canvas of 400 x 330 pixels around it, its box and its joints in canvas pixels; persons may have a
box only. Nothing is downloaded.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from posed_models.data.skeletons import COCO_17, MPII_16, Skeleton
from posed_models.errors import PosedModelsError

CANVAS = (400, 330)
"""Rows and columns of a stored crop."""
ROOM = 1.9
"""How much larger than the person's box the canvas is: room for turning and shifting."""
SMALLEST_BOX = 64
"""The longer side of a box without joints, in photo pixels: a smaller person shows a teacher too little."""


@dataclass
class CropSet:
    """n persons. `boxes`: n x 4 (cx, cy, w, h); `keypoints`: n x J x 3 (x, y, 0 if not labelled), both in canvas pixels;
    `groups`: persons of one photo share a group, and are never split between training and holding out."""

    load: Callable[[int], np.ndarray]
    boxes: np.ndarray
    keypoints: np.ndarray
    groups: Sequence[str]
    skeleton: Skeleton
    device: str = "cpu"
    load_mask: Callable[[int], np.ndarray] | None = None
    """The class map of a canvas (masks.py), for segmentation."""
    maps: Sequence[np.ndarray] = ()
    """2 x 3 each, canvas pixels to photo pixels, where the canvas was cut from a photo."""
    _stored: Tensor | None = field(default=None, repr=False)

    canvas_size = CANVAS

    def __len__(self) -> int:
        return len(self.boxes)

    def subset(self, which: Sequence[int]) -> CropSet:
        """The persons `which`, renumbered."""
        ids = list(which)
        mask = self.load_mask
        return CropSet(
            lambda i: self.load(ids[i]),
            self.boxes[ids],
            self.keypoints[ids],
            [self.groups[i] for i in ids],
            self.skeleton,
            self.device,
            (lambda i: mask(ids[i])) if mask is not None else None,
            [self.maps[i] for i in ids] if self.maps else (),
        )

    def join(self, others: Sequence[CropSet]) -> CropSet:
        """The persons of several files, one behind the other; their joints must be the same. Class maps stay if all have them."""
        sets = [self, *others]
        if len(sets) == 1:
            return self
        if len({len(s.skeleton.names) for s in sets}) > 1:
            raise PosedModelsError("the files of --data have different joints: train on one kind at a time")
        starts = np.cumsum([0] + [len(s) for s in sets])

        def place(i: int) -> tuple[int, int]:
            k = int(np.searchsorted(starts, i, "right")) - 1
            return k, i - int(starts[k])

        def load(i: int) -> np.ndarray:
            k, inside = place(i)
            return sets[k].load(inside)

        def mask(i: int) -> np.ndarray:
            k, inside = place(i)
            of = sets[k].load_mask
            assert of is not None
            return of(inside)

        return CropSet(
            load,
            np.concatenate([s.boxes for s in sets]),
            np.concatenate([s.keypoints for s in sets]),
            [group for s in sets for group in s.groups],
            sets[0].skeleton,
            sets[0].device,
            mask if all(s.load_mask is not None for s in sets) else None,
            [m for s in sets for m in s.maps] if all(s.maps for s in sets) else (),
        )

    def labelled(self) -> np.ndarray:
        """n truth values: has the person a labelled joint, or only a box?"""
        return np.asarray((self.keypoints[..., 2] > 0).any(1))

    def split(self, share: float) -> tuple[CropSet, CropSet]:
        """Training and held-out persons; which is which depends on the group's name alone, so it is the same in every run."""
        out = [zlib.crc32(g.encode()) % 10_000 < share * 10_000 for g in self.groups]
        return self.subset([i for i, o in enumerate(out) if not o]), self.subset([i for i, o in enumerate(out) if o])

    def store(self, limit_gb: float) -> CropSet:
        """Decodes all canvases once and keeps them on the device, if they fit into `limit_gb`; else decodes them as needed."""
        if len(self) * CANVAS[0] * CANVAS[1] * 3 <= limit_gb * 1e9:
            self._stored = self._decode(range(len(self))).to(self.device)
        return self

    def canvases(self, which: Tensor) -> Tensor:
        """n x 400 x 330 x 3 bytes RGB on the device."""
        if self._stored is not None:
            return self._stored[which]
        return self._decode(which.tolist()).to(self.device, non_blocking=True)

    def masks(self, which: Tensor) -> Tensor:
        """n x 400 x 330 bytes, the class maps of those canvases."""
        assert self.load_mask is not None
        return torch.from_numpy(np.stack([self.load_mask(i) for i in which.tolist()])).to(self.device)

    def _decode(self, which: Sequence[int]) -> Tensor:
        out = np.zeros((len(which), *CANVAS, 3), np.uint8)

        def put(row: int) -> None:
            c = self.load(which[row])[: CANVAS[0], : CANVAS[1]]
            out[row, : c.shape[0], : c.shape[1]] = c

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(put, range(len(which))))
        return torch.from_numpy(out)

    def parts(self) -> Tensor:
        """n x 3 x 4: the box of the whole person, of the upper and of the lower body (from three labelled joints on)."""
        part = np.repeat(self.boxes[:, None].astype(np.float32), 3, 1)
        upper = np.zeros(self.keypoints.shape[1], bool)
        upper[list(self.skeleton.upper)] = True
        for i, kp in enumerate(self.keypoints):
            for j, rows in ((1, upper), (2, ~upper)):
                q = kp[rows & (kp[:, 2] > 0), :2]
                if len(q) >= 3:
                    lo, hi = q.min(0), q.max(0)
                    part[i, j] = [*((lo + hi) / 2), *np.maximum(hi - lo, 12) * 1.3]
        return torch.from_numpy(part).to(self.device)


def read_npz(path: str | Path, device: str = "cpu") -> CropSet:
    """Our own file: `bytes` (WebP, one behind the other), `off`, `box` (cx, cy, w, h), `kp` (n x 17 x 3), and perhaps `photo`
    (names)."""
    try:
        z = np.load(path)
        data, off, box, kp = z["bytes"], z["off"], z["box"].astype(np.float32), z["kp"].astype(np.float32)
        photos = [name.decode() for name in z["photo"].tolist()] if "photo" in z else [str(i) for i in range(len(kp))]
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as e:
        raise PosedModelsError(f"{path}: no file of persons as `persons` writes it: {e}") from e

    def load(i: int) -> np.ndarray:
        image = cv2.imdecode(data[off[i] : off[i + 1]], cv2.IMREAD_COLOR)
        if image is None:
            raise PosedModelsError(f"{path}: crop {i} is damaged. Fetch the file again")
        return image[:, :, ::-1]

    return CropSet(load, box, kp, photos, COCO_17, device)


def _from_photos(people: list[tuple[str, np.ndarray, np.ndarray]], photos: Path, skeleton: Skeleton, device: str) -> CropSet:
    """`people`: photo, box (x, y, w, h) and joints (J x 3) in image pixels."""
    maps, boxes, kps = [], [], []
    for _, (x, y, w, h), kp in people:
        scale = max(w * ROOM / CANVAS[1], h * ROOM / CANVAS[0], 1e-3)  # image pixels a canvas pixel
        cx, cy = x + w / 2, y + h / 2
        maps.append(np.array([[scale, 0, cx - scale * CANVAS[1] / 2], [0, scale, cy - scale * CANVAS[0] / 2]]))
        boxes.append([CANVAS[1] / 2, CANVAS[0] / 2, w / scale, h / scale])
        moved = kp.astype(np.float32).copy()
        moved[:, :2] = (kp[:, :2] - maps[-1][:, 2]) / scale
        moved[kp[:, 2] <= 0] = 0
        kps.append(moved)

    def load(i: int) -> np.ndarray:
        path = photos / people[i][0]
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise PosedModelsError(f"{path}: cannot be read. Give the folder that holds the annotation file's photos")
        flags = (cv2.INTER_AREA if maps[i][0, 0] > 2 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(image, maps[i], (CANVAS[1], CANVAS[0]), flags=flags)[:, :, ::-1]

    names = [p[0] for p in people]
    table = np.array(boxes, np.float32).reshape(-1, 4), np.array(kps, np.float32).reshape(-1, len(skeleton.names), 3)
    return CropSet(load, *table, names, skeleton, device, maps=maps)


def coco_people(path: str | Path, boxed: bool = False) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A COCO file, and its persons with labelled joints, crowds left out; `boxed`: also large enough ones without."""
    data = json.loads(Path(path).read_text())
    if not isinstance(data, dict) or "annotations" not in data:
        raise PosedModelsError(f"{path}: no COCO keypoint file: it has no `annotations`")
    others = {c["id"] for c in data.get("categories", []) if c.get("name") != "person"}

    def wanted(a: dict[str, Any]) -> bool:
        if a.get("num_keypoints", 0) > 0:
            return True
        return boxed and a.get("category_id") not in others and max(a["bbox"][2:]) >= SMALLEST_BOX

    people = [a for a in data["annotations"] if not a.get("iscrowd", 0) and wanted(a)]
    people = [a if a.get("num_keypoints", 0) > 0 else {**a, "keypoints": [0] * 51} for a in people]
    bad = next((a for a in people if len(a["keypoints"]) != 51), None)
    if bad is not None:
        raise PosedModelsError(f"{path}: annotation {bad['id']} has {len(bad['keypoints'])} values in keypoints, not 51")
    return data, people


def coco_sizes(data: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Width and height of each image of a COCO file, by its file's name."""
    return {i["file_name"]: (i["width"], i["height"]) for i in data["images"] if "width" in i and "height" in i}


def read_coco(path: str | Path, photos: str | Path, device: str = "cpu", boxed: bool = False) -> CropSet:
    """A COCO annotation file (person_keypoints_train2017.json) and the folder of its photos; `boxed` as in [`coco_people`]."""
    data, people = coco_people(path, boxed)
    names = {i["id"]: i["file_name"] for i in data["images"]}
    rows = [(names[a["image_id"]], np.array(a["bbox"], float), np.array(a["keypoints"], float).reshape(17, 3)) for a in people]
    return _from_photos(rows, Path(photos), COCO_17, device)


def mpii_people(path: str | Path) -> list[dict[str, Any]]:
    """mmpose's MPII file: a list of persons with image, center, scale, joints, joints_vis; made 0-based, with `box` (x, y, w, h).

    The box is a square of 200·scale pixels, 15·scale pixels under the centre that the file gives, as in mmpose.
    """
    data = json.loads(Path(path).read_text())
    if not isinstance(data, list) or not data or "joints" not in data[0]:
        raise PosedModelsError(f"{path}: no MPII file in mmpose's form: it is no list of persons with `joints`")
    out = []
    for a in data:
        side = 200.0 * a["scale"]
        cx, cy = a["center"][0] - 1, a["center"][1] + 15 * a["scale"] - 1
        xy = np.array(a["joints"], float) - 1
        joints = np.concatenate([xy, np.array(a["joints_vis"], float)[:, None]], 1)
        out.append({**a, "box": np.array([cx - side / 2, cy - side / 2, side, side]), "keypoints": joints})
    return out


def read_mpii(path: str | Path, photos: str | Path, device: str = "cpu") -> CropSet:
    """mmpose's mpii_train.json and the folder of MPII's photos."""
    rows = [(a["image"], a["box"], a["keypoints"]) for a in mpii_people(path)]
    return _from_photos(rows, Path(photos), MPII_16, device)


def read_folder(photos: Path, device: str = "cpu") -> CropSet:
    """A folder of photos without annotations: each whole photo is a person. Enough to calibrate with."""
    files = sorted(p for p in photos.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        raise PosedModelsError(f"{photos}: no .jpg or .png in it")
    rows = []
    for file in files:
        image = cv2.imread(str(file))
        if image is None:
            raise PosedModelsError(f"{file}: is no picture. Take it out of the folder")
        rows.append((file.name, np.array([0, 0, image.shape[1], image.shape[0]], float), np.zeros((17, 3))))
    return _from_photos(rows, photos, COCO_17, device)


def read(path: str | Path, photos: str | Path | None = None, device: str = "cpu", boxed: bool = False) -> CropSet:
    """Reads whichever of these `path` is; `boxed`: with persons that a COCO file has by box only."""
    path = Path(path)
    if path.is_dir():
        return read_folder(path, device)
    if not path.is_file():
        raise PosedModelsError(f"{path}: no such file")
    if path.suffix == ".npz":
        return read_npz(path, device)
    if photos is None:
        raise PosedModelsError(f"{path}: the photos are elsewhere: add --images FOLDER")
    return read_mpii(path, photos, device) if is_list(path) else read_coco(path, photos, device, boxed)


def is_list(path: Path) -> bool:
    """Is a JSON file a list, as MPII's is, and no table, as COCO's is?"""
    with path.open() as file:
        return file.read(1) == "["
