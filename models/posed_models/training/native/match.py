"""Function matching: a patient teacher looks at every crop that its student sees, as it is turned, cut and coloured.

After Beyer et al., Knowledge distillation: a good teacher is patient and consistent, CVPR 2022. Nobody need have labelled a
joint: a person's box is enough. The teacher's forward is a tenth of a step.

In: the teacher, and labels where there are some. Out: the gradients of a student that is to give the teacher's heatmaps
(`heatmaps`), or a Gaussian at each of their peaks, as high as the peak (`peaks`). Where a label lies over `AGREE_CELLS` from the
teacher's peak, a Gaussian there is wanted instead, with the weight of labels: a student of heatmaps alone forgets what labels
taught it and the teacher does not know.
"""

from __future__ import annotations

import numpy as np
import torch

from posed_models.check.labels import STRIDE, peaks
from posed_models.data.augment import Augmenter, sigma_cells
from posed_models.data.feed import Feed, Maps
from posed_models.training.native.joints import AGREE_CELLS, LEAST_LABEL_PEAK
from posed_models.training.native.lessons import Lessons, scale
from posed_models.training.native.network import NativeNetwork

WAYS = ("heatmaps", "peaks")


class Match(Lessons):
    """`way`: one of [`WAYS`]; `label_weight`: of joints whose label the teacher contradicts, 0: labels do not count."""

    def __init__(self, augment: Augmenter, teacher: NativeNetwork, way: str, label_weight: float) -> None:
        assert way in WAYS
        self._augment, self._teacher, self._way, self._label_weight = augment, teacher, way, label_weight
        self._sigma = sigma_cells(augment.size[0])

    def teach(self, native: NativeNetwork, feed: Feed) -> float:
        heatmaps = self._teacher.run(feed.pictures)
        much = scale(native, len(heatmaps))
        labels = self._contradicted(heatmaps, feed.maps) if self._label_weight and feed.maps is not None else []
        if self._way == "heatmaps":
            weight = np.ones_like(heatmaps) if labels else None
            for person, joint, x, y in labels:
                heatmaps[person, :, :, joint] = self._bell(heatmaps.shape[1], y)[:, None] * self._bell(heatmaps.shape[2], x)
                heatmaps[person, :, :, joint] *= LEAST_LABEL_PEAK
                assert weight is not None
                weight[person, :, :, joint] = self._label_weight
            return native.follow(feed.pictures, heatmaps, much, weight)
        found = peaks(torch.from_numpy(heatmaps).permute(0, 3, 1, 2)).numpy()
        wanted = np.concatenate([found[..., :2], found[..., 2:].clip(0, 1), np.ones_like(found[..., 2:])], 2)
        for person, joint, x, y in labels:
            wanted[person, joint] = x, y, LEAST_LABEL_PEAK, self._label_weight
        return native.learn(feed.pictures, wanted, self._sigma, much)

    def _bell(self, cells: int, at: float) -> np.ndarray:
        return np.exp(-((np.arange(cells, dtype=np.float32) - np.float32(at)) ** 2) / np.float32(2 * self._sigma**2))

    def _contradicted(self, heatmaps: np.ndarray, maps: Maps) -> list[tuple[int, int, float, float]]:
        """Person, joint, and the label's place in cells, where the teacher's peak is elsewhere."""
        joints = self._augment.placed(self._augment.keypoints[maps.which], maps.matrix, maps.flip).numpy()
        n, rows, columns, count = heatmaps.shape
        top = heatmaps.reshape(n, rows * columns, count).argmax(1)
        said = np.stack([top % columns, top // columns], -1)
        labels = joints[..., :2] / STRIDE
        far = (joints[..., 2] > 0) & (np.linalg.norm(labels - said, axis=-1) > AGREE_CELLS)
        found = zip(*far.nonzero(), strict=True)
        return [(int(p), int(j), float(labels[p, j, 0]), float(labels[p, j, 1])) for p, j in found]
