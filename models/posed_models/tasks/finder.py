"""A finder: where people are in a picture, and how large.

In: whole pictures with everybody's boxes. Out: planes over place and size, whose peaks are persons (data/planes.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor

from posed_models.check.finding import FoundPeople
from posed_models.check.heldout import Judge
from posed_models.data import pictures
from posed_models.data.feed import Batch, Source
from posed_models.data.pictures import PictureAugmenter, PictureSet
from posed_models.data.planes import PLANES, SIZES
from posed_models.errors import PosedModelsError
from posed_models.nets.lite_hrnet import Head, LiteHRNet
from posed_models.tasks.task import Task, golden_peaks

TOLERANCE = {"float32": 0.001, "int8": 0.1}


class FinderHead(Head):
    """One 1x1 convolution on the finest branch."""

    def __init__(self, cin: int, planes: int) -> None:
        super().__init__()
        self.planes = nn.Conv2d(cin, planes, 1)

    @property
    def last(self) -> nn.Conv2d:
        return self.planes

    def forward(self, xs: Sequence[Tensor]) -> Tensor:
        return self.planes(xs[0])


class Finder(Task[PictureSet]):
    """Persons of a picture."""

    name = "finder"
    says = "where people are in a picture"
    counts, usual = "planes", PLANES
    head_name, last = "finder_head", "finder_head.planes"
    output = "planes"
    card_key, card_says = "sizes", "one plane a size (heights of 3:4 boxes in input pixels), whose peaks are people,"
    titled = " as a finder"
    golden_says = "column, row and value of the highest cell of each plane"
    native = True
    examples = "pictures"
    given = True
    published = (("wider18", PLANES, 192, 256),)

    def heads(self, channels: Sequence[int], outputs: int) -> list[Callable[[], Head]]:
        return [partial(FinderHead, channels[0], outputs)]

    def names(self, outputs: int) -> tuple[float, ...]:
        if outputs != PLANES:
            raise PosedModelsError(f"a finder has {PLANES} planes, this network has {outputs}")
        return tuple(round(s, 2) for s in SIZES)

    def read(self, path: str | Path, photos: str | Path | None, device: str, boxed: bool) -> PictureSet:
        del boxed
        return pictures.read(path, photos, device)

    def outputs(self, data: PictureSet) -> int:
        del data
        return PLANES

    def check(self, data: PictureSet, teacher: LiteHRNet | None) -> None:
        if teacher is not None:
            raise PosedModelsError("a finder learns from boxes, without a teacher: --begin takes a pose network's convolutions")
        if not any(p[:, 4].any() for p in data.people):
            raise PosedModelsError("nobody is in these pictures: nothing to learn from")

    def source(self, data: PictureSet, height: int, width: int, generator: torch.Generator, rooms: bool = False) -> Source:
        del rooms
        return PictureAugmenter(data, height, width, generator)

    def losses(self, got: Tensor, batch: Batch, size: tuple[int, int]) -> dict[str, Tensor]:
        del size
        assert batch.wanted is not None and batch.weight is not None
        error = (batch.weight * (got.float() - batch.wanted) ** 2).sum()
        return {"planes": error / (batch.wanted**2).sum().clamp(min=1e-6)}

    def held_out(self, data: PictureSet, height: int, width: int) -> Judge:
        return FoundPeople(data, height, width)

    def error(self, figures: dict[str, float]) -> float:
        return -figures.get("held_out_ap", 0.0)

    def golden(self, out: np.ndarray, precision: str, rewritten: Callable[[], np.ndarray]) -> list[str]:
        return golden_peaks(out, TOLERANCE[precision], rewritten if precision == "int8" else None)

    def annotated(self, path: Path) -> bool:
        return path.suffix == ".json" and path.is_file()

    def figures(
        self, model: str | Path, annotations: Path, photos: str | Path, detections: str | Path | None
    ) -> dict[str, float]:
        raise PosedModelsError("a finder is measured with --data: boxes and pictures, as train reads them")


FINDER = Finder()
