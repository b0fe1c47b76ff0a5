"""Whole pictures with everybody's boxes, to learn finding from.

In: a COCO file (`persons` writes one) and its photos. Out: a [`PictureSet`], and random views of it with the planes (planes.py)
that a finder is to give.

A box counts as a person from a score of [`SURE`] on, where there are scores; crowds and doubtful boxes are ignored regions:
neither a person nor background.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from posed_models.data.decode import photo
from posed_models.data.feed import Batch, Feed, coloured, normalise
from posed_models.data.planes import CELL, wanted
from posed_models.data.rooms import blurred
from posed_models.errors import PosedModelsError

SURE = 0.4
"""The least score of a box that counts as a person."""
BLACK = 0
"""Beside a picture that does not fill the input, as in posed."""
INSIDE, LEAST_SIDE = 0.4, 3.0
"""Of a person who is cut off, so much must be inside to count; and input pixels of the part."""


@dataclass
class PictureSet:
    """n pictures. `people`: x, y, w, h and 1 for a person or 0 for an ignored region, in photo pixels, m x 5 each."""

    files: list[Path]
    people: list[np.ndarray]
    device: str = "cpu"

    def __len__(self) -> int:
        return len(self.files)

    def subset(self, which: Sequence[int]) -> PictureSet:
        """The pictures `which`."""
        return PictureSet([self.files[i] for i in which], [self.people[i] for i in which], self.device)

    def split(self, share: float) -> tuple[PictureSet, PictureSet]:
        """Training and held-out pictures; which is which depends on the file's name alone."""
        out = [zlib.crc32(f.name.encode()) % 10_000 < share * 10_000 for f in self.files]
        return self.subset([i for i, o in enumerate(out) if not o]), self.subset([i for i, o in enumerate(out) if o])

    def join(self, others: Sequence[PictureSet]) -> PictureSet:
        """The pictures of several files, one behind the other."""
        sets = [self, *others]
        return PictureSet([f for s in sets for f in s.files], [p for s in sets for p in s.people], self.device)

    def store(self, limit_gb: float) -> PictureSet:
        """Pictures are read when they are needed."""
        del limit_gb
        return self

    def load(self, i: int) -> np.ndarray:
        """Picture i, RGB bytes."""
        return photo(self.files[i])


def read(path: str | Path, photos: str | Path | None, device: str = "cpu") -> PictureSet:
    """A COCO file with boxes; `photos`: the folder that its names start from, if not the current one."""
    path = Path(path)
    if path.suffix != ".json" or not path.is_file():
        raise PosedModelsError(f"{path}: a finder learns from boxes: give a COCO JSON, such as `persons` writes beside its crops")
    data = json.loads(path.read_text())
    if not isinstance(data, dict) or "annotations" not in data or "images" not in data:
        raise PosedModelsError(f"{path}: no COCO file: it has no `images` and `annotations`")
    others = {c["id"] for c in data.get("categories", []) if c.get("name") != "person"}
    people: dict[int, list[list[float]]] = {image["id"]: [] for image in data["images"]}
    for a in data["annotations"]:
        if a.get("category_id") in others:
            continue
        sure = not a.get("iscrowd", 0) and a.get("score", 1.0) >= SURE
        people[a["image_id"]].append([*a["bbox"], float(sure)])
    folder = Path(photos) if photos is not None else Path()
    files = [folder / image["file_name"] for image in data["images"]]
    return PictureSet(files, [np.array(p, np.float32).reshape(-1, 5) for p in people.values()], device)


@dataclass(frozen=True)
class View:
    """A picture seen through a network's input. `matrix`: 2 x 3, input pixels to photo pixels, without turning."""

    matrix: np.ndarray
    height: int
    width: int

    def picture(self, photo: np.ndarray) -> np.ndarray:
        """The input, bytes."""
        scale = abs(self.matrix[0, 0])
        flags = (cv2.INTER_AREA if scale > 1.5 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
        if scale > 1.5:  # OpenCV's warp has no area: first smaller by whole steps, then warp
            step = int(scale)
            photo = cv2.resize(photo, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
            shrunk = self.matrix / step
            return np.asarray(cv2.warpAffine(photo, shrunk, (self.width, self.height), flags=flags, borderValue=(BLACK,) * 3))
        return np.asarray(cv2.warpAffine(photo, self.matrix, (self.width, self.height), flags=flags, borderValue=(BLACK,) * 3))

    def boxes(self, people: np.ndarray) -> tuple[list[list[float]], list[list[float]]]:
        """Persons and ignored regions inside the view, in input pixels, cut off at its edges."""
        persons: list[list[float]] = []
        ignored: list[list[float]] = []
        (sx, _, tx), (_, sy, ty) = self.matrix.tolist()
        for x, y, w, h, sure in people.tolist():
            ends = sorted(((x - tx) / sx, (x + w - tx) / sx)), sorted(((y - ty) / sy, (y + h - ty) / sy))
            (x0, x1), (y0, y1) = ((max(a, 0.0), min(b, m)) for (a, b), m in zip(ends, (self.width, self.height), strict=True))
            if x1 - x0 < LEAST_SIDE or y1 - y0 < LEAST_SIDE:
                continue
            share = (x1 - x0) * (y1 - y0) / max((ends[0][1] - ends[0][0]) * (ends[1][1] - ends[1][0]), 1e-6)
            (persons if sure and share > INSIDE else ignored).append([x0, y0, x1 - x0, y1 - y0])
        return persons, ignored


def whole(size: tuple[int, int], height: int, width: int) -> View:
    """The view of a whole picture (its height and width), as posed looks at it (src/find/network.rs)."""
    h, w = size
    scale = max(w / width, h / height)
    return View(np.array([[scale, 0, w / 2 - scale * width / 2], [0, scale, h / 2 - scale * height / 2]]), height, width)


class PictureAugmenter:
    """Random views: scale, place, mirrored, stretched a little, in bad light or motion, with other colours."""

    def __init__(self, pictures: PictureSet, height: int, width: int, generator: torch.Generator) -> None:
        self.pictures, self._size = pictures, (height, width)
        self._random = np.random.default_rng(generator.initial_seed())

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    def view(self, size: tuple[int, int], random: np.random.Generator) -> View:
        """A random view of a picture of this height and width."""
        (h, w), (height, width) = size, self._size
        fits = max(w / width, h / height)
        scale = min(max(fits * math.exp(random.normal() * 0.35), fits * 0.35), fits * 1.8)
        across = scale * math.exp(random.normal() * 0.15)
        x, y = w / 2 + random.normal() * w * 0.15, h / 2 + random.normal() * h * 0.15
        sign = -1 if random.random() < 0.5 else 1
        return View(
            np.array([[across * sign, 0, x - across * sign * width / 2], [0, scale, y - scale * height / 2]]), height, width
        )

    def feed(self, n: int, random: np.random.Generator) -> Feed:
        pictures, planes, weights = [], [], []
        for _ in range(n):
            i = int(random.integers(len(self.pictures)))
            photo = self.pictures.load(i)
            view = self.view(photo.shape[:2], random)
            want, counted = wanted(*view.boxes(self.pictures.people[i]), self._size[0] // CELL, self._size[1] // CELL)
            pictures.append(coloured(blurred(view.picture(photo), random), random))
            planes.append(want)
            weights.append(counted * (1 + PEAKS * want))
        return Feed(np.stack(pictures), None, np.stack(planes), np.stack(weights))

    def draw(self, n: int) -> Batch:
        feed = self.feed(n, self._random)
        x, want, weight = (torch.from_numpy(v).permute(0, 3, 1, 2) for v in (feed.pictures, feed.wanted, feed.weight))
        x = x.contiguous(memory_format=torch.channels_last)
        return Batch(x, torch.empty(n, 0, 3), None, want, weight)


PEAKS = 8.0
"""How much more an error at a peak weighs than one at the background."""


def plain(
    pictures: PictureSet, i: int, height: int, width: int
) -> tuple[torch.Tensor, list[list[float]], list[list[float]], float]:
    """Picture i as posed looks at it, normalised 1 x 3 x H x W; persons, ignored regions, and its height, in input pixels."""
    photo = pictures.load(i)
    view = whole(photo.shape[:2], height, width)
    x = torch.from_numpy(view.picture(photo).astype(np.float32) / 255).permute(2, 0, 1)[None]
    return normalise(x), *view.boxes(pictures.people[i]), photo.shape[0] / float(view.matrix[1, 1])
