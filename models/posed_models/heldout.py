"""Figures on persons that training never sees.

In: a network, perhaps a teacher, held-out crops. Out: the heatmap error against the teacher, PCK and AP where joints are
labelled, mean IoU where there are outlines.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from posed_models.augment import plain
from posed_models.crops import CropSet
from posed_models.decode import dark, score
from posed_models.distil import relative_mse
from posed_models.metrics import Confusion, average_precision, oks, pck
from posed_models.skeletons import COCO_17

Forward = Callable[[Tensor], Tensor]
"""Pictures n x 3 x H x W to heatmaps or logits: a module, or the native network."""
AREA_OF_BOX = 0.53
"""What of its box a person covers: the area that OKS wants where only boxes are known."""


class HeldOut:
    """Held-out crops and how to measure on them."""

    def __init__(self, crops: CropSet, height: int, width: int, batch: int = 32, limit: int = 500) -> None:
        self.crops = crops.subset(range(min(limit, len(crops))))
        self.crops.device = crops.device
        self.size, self.batch = (height, width), batch
        self._teacher: Forward | None = None
        self._wanted: dict[int, Tensor] = {}

    @torch.no_grad()
    def figures(self, net: Forward, teacher: Forward | None) -> dict[str, float]:
        """`held_out_error`: relative heatmap error against the teacher; `held_out_pck`: PCK@0.2 of the torso, `held_out_ap`:
        AP (metrics.py; COCO's joints only) with areas guessed from boxes, both in per cent.
        """
        errors: list[float] = []
        found, truth, area = [], [], []
        confusion = Confusion(2)
        for first in range(0, len(self.crops), self.batch):
            which = torch.arange(first, min(first + self.batch, len(self.crops)), device=self.crops.device)
            batch, matrix = plain(self.crops, which, *self.size)
            got = net(batch.x)
            if batch.classes is not None and got.shape[1] == 2:
                confusion.add(batch.classes.cpu().numpy(), got.argmax(1).cpu().numpy())
                continue
            if teacher is not None:
                errors += [relative_mse(got, self._asked(teacher, first, batch.x)).item()] * len(which)
            boxes = self.crops.boxes[which.cpu().numpy(), 2:] / matrix[:, :1, 0].cpu().numpy()
            for heatmaps, joints, box in zip(got.float().cpu().numpy(), batch.joints.cpu().numpy(), boxes, strict=True):
                if (joints[:, 2] > 0).any():
                    found.append([dark(h) for h in heatmaps])
                    truth.append(joints)
                    area.append(AREA_OF_BOX * box.prod())
        out: dict[str, float] = {}
        if confusion.counts.any():
            out["held_out_iou"] = confusion.mean_iou()
        if errors:
            out["held_out_error"] = float(np.mean(errors))
        if truth:
            f, t = np.array(found) * (4, 4, 1), np.array(truth)
            out["held_out_pck"] = pck(f, t, self.crops.skeleton)
            if self.crops.skeleton is COCO_17:  # the boxes of MPII's file are no measure of area
                similarity = oks(f, t, np.array(area), self.crops.skeleton)
                out["held_out_ap"] = average_precision(similarity, np.array([score(person) for person in f]))
        return out

    def _asked(self, teacher: Forward, first: int, x: Tensor) -> Tensor:
        """The teacher's answer to the batch that begins at `first`; the same teacher is asked once."""
        if teacher is not self._teacher:
            self._teacher, self._wanted = teacher, {}
        if first not in self._wanted:
            self._wanted[first] = teacher(x).float()
        return self._wanted[first]
