"""Figures on persons that training never sees.

In: a network, perhaps a teacher, held-out crops, and what a task measures on them. Out: the heatmap error against the teacher,
and the task's figures: `held_out_…` of persons with annotations, `taught_…` of persons without, by what the teacher says of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from posed_models.data.augment import plain
from posed_models.data.crops import CropSet
from posed_models.data.feed import Batch
from posed_models.training.distil import relative_mse

Forward = Callable[[Tensor], Tensor]
"""Pictures n x 3 x H x W to heatmaps or logits: a module, or the native network."""


LIMIT = 500
"""Persons that are measured, of each kind."""


class Measure(Protocol):
    """Gathers results batch by batch; `boxes`: n x 2, the persons' widths and heights in crop pixels. Figures by short names."""

    def add(self, got: Tensor, batch: Batch, boxes: np.ndarray) -> None: ...

    def figures(self) -> dict[str, float]: ...


Truth = Callable[[Forward, Tensor], Tensor]
"""A teacher and pictures to joints n x J x 3 in crop pixels."""


class Judge(Protocol):
    """Measures a network on what was held out."""

    def __len__(self) -> int: ...

    def figures(self, net: Forward, teacher: Forward | None) -> dict[str, float]:
        """By name: `held_out_…`, `taught_…`."""


class HeldOut:
    """Held-out crops and how to measure on them: at most `limit` with annotations and as many without, spread over all.

    `truth`: what a teacher says of persons without annotations; without it, all count as annotated.
    """

    def __init__(
        self,
        crops: CropSet,
        height: int,
        width: int,
        measure: Callable[[], Measure],
        truth: Truth | None = None,
        batch: int = 32,
        limit: int = LIMIT,
    ) -> None:
        annotated = crops.labelled() if truth is not None else np.ones(len(crops), bool)
        self._parts = []
        for name, rows in (("held_out", annotated.nonzero()[0]), ("taught", (~annotated).nonzero()[0])):
            if len(rows):
                spread = rows[np.arange(min(limit, len(rows))) * len(rows) // min(limit, len(rows))]
                self._parts.append(Part(name, crops, spread.tolist(), (height, width), measure, truth, batch))

    def __len__(self) -> int:
        return sum(len(part) for part in self._parts)

    @torch.no_grad()
    def figures(self, net: Forward, teacher: Forward | None) -> dict[str, float]:
        """`…_error`: relative heatmap error against the teacher; and what the task measures."""
        out: dict[str, float] = {}
        for part in self._parts:
            out |= part.figures(net, teacher)
        return out


class Part:
    """Persons of one kind: `taught` if a teacher must say where their joints are."""

    def __init__(
        self,
        name: str,
        crops: CropSet,
        which: list[int],
        size: tuple[int, int],
        measure: Callable[[], Measure],
        truth: Truth | None,
        batch: int,
    ) -> None:
        self._name, self._crops, self._size, self._batch = name, crops.subset(which), size, batch
        self._crops.device = crops.device
        self._measure, self._truth = measure, truth if name == "taught" else None
        self._teacher: Forward | None = None
        self._said: dict[int, tuple[Tensor, Tensor | None]] = {}

    def __len__(self) -> int:
        return len(self._crops)

    def figures(self, net: Forward, teacher: Forward | None) -> dict[str, float]:
        """Those of [`HeldOut`]; none of persons without annotations if there is no teacher."""
        if self._truth is not None and teacher is None:
            return {}
        errors: list[float] = []
        measure = self._measure()
        for first in range(0, len(self._crops), self._batch):
            which = torch.arange(first, min(first + self._batch, len(self._crops)), device=self._crops.device)
            batch, matrix = plain(self._crops, which, *self._size)
            got = net(batch.x)
            if teacher is not None:
                heatmaps, joints = self._asked(teacher, first, batch.x)
                errors += [relative_mse(got, heatmaps).item()] * len(which)
                batch.joints = joints if joints is not None else batch.joints
            boxes = self._crops.boxes[which.cpu().numpy(), 2:] / matrix[:, :1, 0].cpu().numpy()
            measure.add(got, batch, boxes)
        figures = {"error": float(np.mean(errors))} if errors else {}
        return {f"{self._name}_{name}": value for name, value in (figures | measure.figures()).items()}

    def _asked(self, teacher: Forward, first: int, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """What the teacher says of the batch that begins at `first`: heatmaps, and joints if they count. It is asked once."""
        if teacher != self._teacher:
            self._teacher, self._said = teacher, {}
        if first not in self._said:
            joints = self._truth(teacher, x) if self._truth is not None else None
            self._said[first] = teacher(x).float(), joints
        return self._said[first]
