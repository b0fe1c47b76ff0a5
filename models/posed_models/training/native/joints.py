"""Where the joints of every person are: what the teacher says, what the labels say, or both.

In: crops, and the teacher as a [`NativeNetwork`]. Out: n x J x 4 in canvas pixels: x, y, the height of the wanted peak, the
weight of its error; and gradients of a network that is to find them.

The teacher sees each person once, uncropped and mirrored too, which it finds more surely than a turned half of one; its mean
heatmaps are decoded (decode.py), and the peaks' heights, its confidence, are what the student is to give. Where a label lies over
`AGREE_CELLS` from the teacher's joint, the label counts, with the weight of labels; where they agree, their mean does.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from posed_models.check.labels import STRIDE, both_ways, peaks
from posed_models.data.augment import Augmenter, plain, sigma_cells
from posed_models.data.feed import Feed
from posed_models.training.native.lessons import Lessons, scale
from posed_models.training.native.network import NativeNetwork

AGREE_CELLS = 4.0
TEACHER_SHARE = 0.6
"""Of the mean of teacher and label."""
LEAST_PEAK, LEAST_LABEL_PEAK = 0.5, 0.6
"""Of a joint that teacher and label agree on, and of one that the label has alone."""
LABELLED_PEAK = 1.0
"""Without a teacher."""


class Joints(Lessons):
    """`known`: n x J x 4, NaN for persons that nobody asked for yet."""

    def __init__(self, augment: Augmenter, teacher: NativeNetwork | None, label_weight: float) -> None:
        self._augment, self._teacher, self._label_weight = augment, teacher, label_weight
        self._crops, self._size = augment.crops, augment.size
        crops = self._crops
        labels = torch.as_tensor(crops.keypoints)
        self.known = torch.full((len(crops), labels.shape[1], 4), float("nan"))
        if teacher is None:
            seen = (labels[..., 2:] > 0).float()
            self.known = torch.cat([labels[..., :2], seen * LABELLED_PEAK, seen], 2)

    def of(self, which: Tensor) -> Tensor:
        """Those of the persons `which`; asks the teacher for new ones."""
        new = which[self.known[which, 0, 0].isnan()].unique()
        if len(new):
            self.known[new] = self._ask(new)
        return self.known[which]

    def teach(self, native: NativeNetwork, feed: Feed) -> float:
        """Fills the gradients of `native` from the peaks that it should have given for the crops of `feed`; returns the loss."""
        maps, augment = feed.maps, self._augment
        assert maps is not None
        joints = self.of(maps.which)
        placed = augment.placed(joints[..., :3], maps.matrix, maps.flip)
        weight = torch.where(maps.flip[:, None, None], joints[:, augment.mirror, 3:], joints[..., 3:])
        wanted = torch.cat([placed[..., :2] / STRIDE, placed[..., 2:], weight], 2).contiguous().numpy()
        return native.learn(feed.pictures, wanted, sigma_cells(self._size[0]), scale(native, len(wanted)))

    def state(self) -> dict[str, Tensor]:
        """What the teacher said so far, for a run that goes on."""
        return {"joints": self.known}

    def load(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave, if it is of these persons."""
        known = state.get("joints")
        if known is not None and known.shape == self.known.shape:
            self.known = known

    def _ask(self, which: Tensor) -> Tensor:
        assert self._teacher is not None
        batch, matrix = plain(self._crops, which, *self._size)
        found = peaks(both_ways(self._teacher.forward, batch.x, self._crops.skeleton))
        xy = STRIDE * found[..., :2] @ matrix[:, :, :2].transpose(1, 2) + matrix[:, None, :, 2]
        out = torch.cat([xy, found[..., 2:].clamp(0, 1), torch.ones_like(found[..., 2:])], 2)
        return self._with_labels(out, which, matrix[:, :1, 0] * STRIDE) if self._label_weight else out

    def _with_labels(self, taught: Tensor, which: Tensor, cell: Tensor) -> Tensor:
        """`cell`: canvas pixels a heatmap cell, of each person."""
        labels = torch.as_tensor(self._crops.keypoints)[which]
        seen = labels[..., 2] > 0
        far = seen & ((taught[..., :2] - labels[..., :2]).norm(dim=2) > AGREE_CELLS * cell)
        near = (seen & ~far)[..., None]
        mean = TEACHER_SHARE * taught[..., :2] + (1 - TEACHER_SHARE) * labels[..., :2]
        xy = torch.where(near, mean, torch.where(far[..., None], labels[..., :2], taught[..., :2]))
        peak = taught[..., 2:3]
        peak = torch.where(near, peak.clamp(min=LEAST_PEAK), torch.where(far[..., None], peak.clamp(min=LEAST_LABEL_PEAK), peak))
        weight = torch.where(far[..., None], self._label_weight, 1.0)
        return torch.cat([xy, peak, weight], 2)
