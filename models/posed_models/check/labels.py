"""What a teacher says of persons whom nobody labelled.

In: a teacher, and crops n x 3 x H x W. Out: its heatmaps, or its joints n x J x 3 in crop pixels.

The teacher is asked twice, straight and mirrored, and the mean is what it says: surer than either answer, so that the teacher
itself, asked once, has something to lose against its own labels.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from posed_models.check.heldout import Forward
from posed_models.data.decode import VISIBLE, dark
from posed_models.data.skeletons import Skeleton

STRIDE = 4
"""Crop pixels a heatmap cell."""


def _mirrored(x: Tensor) -> Tensor:
    """Column c becomes width − c, as joints do in augment.py; column 0 is its own neighbour."""
    return torch.cat([x[..., -1:], x[..., 1:].flip(-1)], -1)


def both_ways(teacher: Forward, x: Tensor, skeleton: Skeleton) -> Tensor:
    """The mean of the heatmaps of `x` and of its mirror image."""
    back = _mirrored(teacher(_mirrored(x)))[:, skeleton.mirror]
    return (teacher(x) + back) / 2


def peaks(heatmaps: Tensor) -> Tensor:
    """n x J x 3: x, y in cells, and score, of heatmaps n x J x h x w (decode.py)."""
    found = [[dark(np.ascontiguousarray(h)) for h in person] for person in heatmaps.float().cpu().numpy()]
    return torch.as_tensor(np.array(found), dtype=torch.float32)


def joints(heatmaps: Tensor) -> Tensor:
    """n x J x 3: x, y in crop pixels, and 1 where the joint is seen, else 0."""
    found = peaks(heatmaps)
    return torch.cat([found[..., :2] * STRIDE, (found[..., 2:] >= VISIBLE).float()], 2)
