"""Function matching: a patient teacher looks at every crop that its student sees, as it is turned, cut and coloured.

After Beyer et al., Knowledge distillation: a good teacher is patient and consistent, CVPR 2022. Nobody need have labelled a
joint: a person's box is enough. The teacher's forward is a tenth of a step.

In: the teacher. Out: the gradients of a student that is to give the teacher's heatmaps (`heatmaps`), or a Gaussian at each of
their peaks, as high as the peak (`peaks`).
"""

from __future__ import annotations

import numpy as np
import torch

from posed_models.check.labels import peaks
from posed_models.data.augment import sigma_cells
from posed_models.data.feed import Feed
from posed_models.training.native.lessons import Lessons, scale
from posed_models.training.native.network import NativeNetwork

WAYS = ("heatmaps", "peaks")


class Match(Lessons):
    """`way`: one of [`WAYS`]; `height`: of the crops, for the width of a Gaussian."""

    def __init__(self, teacher: NativeNetwork, way: str, height: int) -> None:
        assert way in WAYS
        self._teacher, self._way, self._sigma = teacher, way, sigma_cells(height)

    def teach(self, native: NativeNetwork, feed: Feed) -> float:
        heatmaps = self._teacher.run(feed.pictures)
        much = scale(native, len(heatmaps))
        if self._way == "heatmaps":
            return native.follow(feed.pictures, heatmaps, much)
        found = peaks(torch.from_numpy(heatmaps).permute(0, 3, 1, 2)).numpy()
        wanted = np.concatenate([found[..., :2], found[..., 2:].clip(0, 1), np.ones_like(found[..., 2:])], 2)
        return native.learn(feed.pictures, wanted, self._sigma, much)
