"""Poses: one heatmap a joint.

In: persons with labelled joints, or with a teacher. Out: heatmaps, whose peaks are joints (data/decode.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor

from posed_models.check import keypoints, labels
from posed_models.check.heldout import Forward, HeldOut, Judge
from posed_models.check.metrics import average_precision, oks, pck
from posed_models.data import crops as files
from posed_models.data.augment import Augmenter, targets
from posed_models.data.crops import CropSet
from posed_models.data.decode import dark, score
from posed_models.data.feed import Batch, Source
from posed_models.data.skeletons import COCO_17, SKELETONS, Skeleton
from posed_models.errors import PosedModelsError
from posed_models.nets.lite_hrnet import ARCHS, Head, LiteHRNet
from posed_models.tasks.task import Task, golden_peaks

AREA_OF_BOX = 0.53
"""What of its box a person covers: the area that OKS wants where only boxes are known."""
TOLERANCE = {"float32": 0.001, "int8": 0.1}
"""Of golden peaks, heatmap units. Engines sum in different orders, and int8 rounding makes a step of it."""
SIZES = ((17, 256, 192), (17, 384, 288), (16, 256, 256))
"""Of the paper: joints, height, width."""


class KeypointHead(Head):
    """mmpose's top-down head without deconvolutions: one 1x1 convolution on the finest branch."""

    def __init__(self, cin: int, joints: int) -> None:
        super().__init__()
        self.final_layer = nn.Conv2d(cin, joints, 1)

    @property
    def last(self) -> nn.Conv2d:
        return self.final_layer

    def forward(self, xs: Sequence[Tensor]) -> Tensor:
        return self.final_layer(xs[0])


class JointFigures:
    """`pck`: PCK@0.2 of the torso; `ap`: AP (COCO's joints only) with areas guessed from boxes, per cent."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        self._found: list[list[tuple[float, float, float]]] = []
        self._truth: list[np.ndarray] = []
        self._area: list[float] = []

    def add(self, got: Tensor, batch: Batch, boxes: np.ndarray) -> None:
        """Heatmaps of some persons."""
        for heatmaps, joints, box in zip(got.float().cpu().numpy(), batch.joints.cpu().numpy(), boxes, strict=True):
            if (joints[:, 2] > 0).any():
                self._found.append([dark(h) for h in heatmaps])
                self._truth.append(joints)
                self._area.append(AREA_OF_BOX * box.prod())

    def figures(self) -> dict[str, float]:
        """Of all persons with labelled joints."""
        if not self._truth:
            return {}
        found, truth = np.array(self._found) * (4, 4, 1), np.array(self._truth)
        out = {"pck": pck(found, truth, self._skeleton)}
        if self._skeleton is COCO_17:  # the boxes of MPII's file are no measure of area
            similarity = oks(found, truth, np.array(self._area), self._skeleton)
            out["ap"] = average_precision(similarity, np.array([score(person) for person in found]))
        return out


class Pose(Task[CropSet]):
    """Joints of the person in a box."""

    name = "pose"
    says = ""
    counts, usual = "joints", 17
    head_name, last = "keypoint_head", "keypoint_head.final_layer"
    output = "heatmaps"
    card_key, card_says = "keypoints", "one heatmap a joint"
    golden_says = "column, row and value of the highest cell of each joint's heatmap"
    native = True
    published = tuple((arch, *size) for arch in ARCHS for size in SIZES)

    def heads(self, channels: Sequence[int], outputs: int) -> list[Callable[[], Head]]:
        return [partial(KeypointHead, channels[0], outputs)]

    def names(self, outputs: int) -> tuple[str, ...]:
        return SKELETONS[outputs].names if outputs in SKELETONS else tuple(f"joint_{i}" for i in range(outputs))

    def read(self, path: str | Path, photos: str | Path | None, device: str, boxed: bool) -> CropSet:
        return files.read(path, photos, device, boxed)

    def outputs(self, data: CropSet) -> int:
        return int(data.keypoints.shape[1])

    def check(self, data: CropSet, teacher: LiteHRNet | None) -> None:
        if teacher is None and not data.labelled().any():
            raise PosedModelsError("no joint is labelled and there is no teacher: nothing to learn from. Add --teacher")

    def source(self, data: CropSet, height: int, width: int, generator: torch.Generator, rooms: bool = False) -> Source:
        return Augmenter(data, height, width, generator, rooms)

    def losses(self, got: Tensor, batch: Batch, size: tuple[int, int]) -> dict[str, Tensor]:
        target, weight = targets(batch.joints, *size)
        error = ((got.float() - target) ** 2).mean((2, 3)) * weight
        return {"labels": error.sum() / ((target**2).mean((2, 3)) * weight).sum().clamp(min=1e-6)}

    def held_out(self, data: CropSet, height: int, width: int) -> Judge:
        def truth(teacher: Forward, x: Tensor) -> Tensor:
            return labels.joints(labels.both_ways(teacher, x, data.skeleton))

        return HeldOut(data, height, width, lambda: JointFigures(data.skeleton), truth)

    def error(self, figures: dict[str, float]) -> float:
        errors = [figures[name] for name in ("held_out_error", "taught_error") if name in figures]
        return float(np.mean(errors)) if errors else -figures.get("held_out_pck", 0.0)

    def golden(self, out: np.ndarray, precision: str, rewritten: Callable[[], np.ndarray]) -> list[str]:
        return golden_peaks(out, TOLERANCE[precision], rewritten if precision == "int8" else None)

    def annotated(self, path: Path) -> bool:
        return path.is_file()

    def figures(
        self, model: str | Path, annotations: Path, photos: str | Path, detections: str | Path | None
    ) -> dict[str, float]:
        return keypoints.figures(model, annotations, photos, detections)


POSE = Pose()
