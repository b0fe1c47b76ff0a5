"""Figures on persons that training never sees.

In: a network, perhaps a teacher, held-out crops, and what a task measures on them. Out: the heatmap error against the teacher,
and the task's figures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from posed_models.data.augment import Batch, plain
from posed_models.data.crops import CropSet
from posed_models.training.distil import relative_mse

Forward = Callable[[Tensor], Tensor]
"""Pictures n x 3 x H x W to heatmaps or logits: a module, or the native network."""


class Measure(Protocol):
    """Gathers results batch by batch; `boxes`: n x 2, the persons' widths and heights in crop pixels."""

    def add(self, got: Tensor, batch: Batch, boxes: np.ndarray) -> None: ...

    def figures(self) -> dict[str, float]: ...


class HeldOut:
    """Held-out crops and how to measure on them."""

    def __init__(
        self,
        crops: CropSet,
        height: int,
        width: int,
        measure: Callable[[], Measure],
        batch: int = 32,
        limit: int = 500,
    ) -> None:
        self.crops = crops.subset(range(min(limit, len(crops))))
        self.crops.device = crops.device
        self.size, self.batch, self._measure = (height, width), batch, measure
        self._teacher: Forward | None = None
        self._wanted: dict[int, Tensor] = {}

    @torch.no_grad()
    def figures(self, net: Forward, teacher: Forward | None) -> dict[str, float]:
        """`held_out_error`: relative heatmap error against the teacher, and what the task measures."""
        errors: list[float] = []
        measure = self._measure()
        for first in range(0, len(self.crops), self.batch):
            which = torch.arange(first, min(first + self.batch, len(self.crops)), device=self.crops.device)
            batch, matrix = plain(self.crops, which, *self.size)
            got = net(batch.x)
            if teacher is not None:
                errors += [relative_mse(got, self._asked(teacher, first, batch.x)).item()] * len(which)
            boxes = self.crops.boxes[which.cpu().numpy(), 2:] / matrix[:, :1, 0].cpu().numpy()
            measure.add(got, batch, boxes)
        error = {"held_out_error": float(np.mean(errors))} if errors else {}
        return error | measure.figures()

    def _asked(self, teacher: Forward, first: int, x: Tensor) -> Tensor:
        """The teacher's answer to the batch that begins at `first`; the same teacher is asked once."""
        if teacher is not self._teacher:
            self._teacher, self._wanted = teacher, {}
        if first not in self._wanted:
            self._wanted[first] = teacher(x).float()
        return self._wanted[first]
