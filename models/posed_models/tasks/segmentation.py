"""Segmentations: one map of logits a class.

In: persons with outlines. Out: logits, the highest of which is a cell's class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from posed_models.check import regions
from posed_models.check.heldout import HeldOut, Judge
from posed_models.check.metrics import Confusion
from posed_models.data import masks
from posed_models.data.augment import Augmenter
from posed_models.data.crops import CropSet, is_list
from posed_models.data.feed import Batch, Source
from posed_models.errors import PosedModelsError
from posed_models.nets.blocks import ConvBN
from posed_models.nets.lite_hrnet import Head, LiteHRNet
from posed_models.tasks.task import Task

CITYSCAPES_19 = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic_light", "traffic_sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip
PERSON_2 = ("background", "person")
SHARE_TOLERANCE = 0.02
"""Of golden shares."""


class SegmentationHead(Head):
    """mmsegmentation's FCNHead with one 1x1 convolution, then `conv_seg`.

    `every`: reads all four results, enlarged to the finest one and concatenated (`resize_concat`, 8·c0 channels for 40 to 320):
    the Cityscapes form. Otherwise reads the finest one alone: a tenth of the work, for small two-class networks. Point: cat.
    """

    def __init__(self, channels: Sequence[int], classes: int, every: bool) -> None:
        super().__init__()
        self.every = every
        self.rounds = ("cat",) if every else ()
        width = channels[0] + sum(channels[:-1]) if every else channels[0]
        self.convs = nn.Sequential(ConvBN(width, width, act="relu"))
        self.conv_seg = nn.Conv2d(width, classes, 1)

    @property
    def last(self) -> nn.Conv2d:
        return self.conv_seg

    def forward(self, xs: Sequence[Tensor]) -> Tensor:
        x = xs[0]
        if self.every:
            size = [int(v) for v in x.shape[-2:]]
            up = [F.interpolate(s, size=size, mode="bilinear", align_corners=False) for s in xs[1:]]
            x = self.point("cat", torch.cat([x, *up], 1))
        return self.conv_seg(self.convs(x))


class ClassFigures:
    """`iou`: mean IoU, per cent."""

    def __init__(self) -> None:
        self._confusion = Confusion(len(PERSON_2))

    def add(self, got: Tensor, batch: Batch, boxes: np.ndarray) -> None:
        """Logits of some crops."""
        del boxes
        if batch.classes is not None:
            self._confusion.add(batch.classes.cpu().numpy(), got.argmax(1).cpu().numpy())

    def figures(self) -> dict[str, float]:
        """Of all crops."""
        return {"iou": self._confusion.mean_iou()} if self._confusion.counts.any() else {}


class Segmentation(Task[CropSet]):
    """Classes of a picture's cells."""

    name = "segmentation"
    says = "person or background"
    counts, usual = "classes", 2
    head_name, last = "decode_head", "decode_head.conv_seg"
    output = "classes"
    card_key, card_says = "classes", "one map of logits a class"
    golden_says = "the share of cells in which each class has the largest logit"
    published = (("lite18", 19, 512, 1024), ("lite30", 19, 512, 1024), ("lite18", 2, 192, 192))

    def heads(self, channels: Sequence[int], outputs: int) -> list[Callable[[], Head]]:
        usual = outputs > len(PERSON_2)
        return [partial(SegmentationHead, channels, outputs, every) for every in (usual, not usual)]

    def names(self, outputs: int) -> tuple[str, ...]:
        known = {len(n): n for n in (PERSON_2, CITYSCAPES_19)}
        return known.get(outputs) or tuple(f"class_{i}" for i in range(outputs))

    def read(self, path: str | Path, photos: str | Path | None, device: str, boxed: bool) -> CropSet:
        del boxed
        return masks.read(path, photos, device)

    def outputs(self, data: CropSet) -> int:
        del data
        return len(PERSON_2)

    def check(self, data: CropSet, teacher: LiteHRNet | None) -> None:
        if data.load_mask is None or teacher is not None:
            raise PosedModelsError("a segmentation learns from outlines, without a teacher: give a COCO JSON, no --teacher")

    def source(self, data: CropSet, height: int, width: int, generator: torch.Generator, rooms: bool = False) -> Source:
        return Augmenter(data, height, width, generator, rooms)

    def losses(self, got: Tensor, batch: Batch, size: tuple[int, int]) -> dict[str, Tensor]:
        del size
        assert batch.classes is not None
        return {"classes": F.cross_entropy(got.float(), batch.classes, ignore_index=masks.IGNORED)}

    def held_out(self, data: CropSet, height: int, width: int) -> Judge:
        return HeldOut(data, height, width, ClassFigures)

    def error(self, figures: dict[str, float]) -> float:
        return -figures.get("held_out_iou", 0.0)

    def golden(self, out: np.ndarray, precision: str, rewritten: Callable[[], np.ndarray]) -> list[str]:
        del precision, rewritten
        share = np.bincount(out.argmax(0).ravel(), minlength=len(out)) / out[0].size
        return [f"tolerance = {SHARE_TOLERANCE}", f"shares = [{', '.join(f'{s:.4f}' for s in share)}]"]

    def annotated(self, path: Path) -> bool:
        return path.is_dir() or (path.is_file() and not is_list(path))

    def figures(
        self, model: str | Path, annotations: Path, photos: str | Path, detections: str | Path | None
    ) -> dict[str, float]:
        del detections
        whole = regions.photo_figures if annotations.is_dir() else regions.person_figures
        return whole(model, annotations, photos)


SEGMENTATION = Segmentation()
