"""Figures of accuracy that need no library: PCK, PCKh, OKS and its average precision, mean IoU.

In: found and true joints (n x J), or class maps. Out: per cent.
"""

from __future__ import annotations

import numpy as np

from posed_models.data.skeletons import Skeleton


def _hits(found: np.ndarray, truth: np.ndarray, reach: np.ndarray) -> float:
    """Share of the labelled joints (truth[..., 2] > 0, reach > 0) that lie within `reach` (n) of the truth."""
    distance = np.linalg.norm(found[..., :2] - truth[..., :2], axis=-1)
    counted = (truth[..., 2] > 0) & (reach > 0)[:, None]
    return float(100 * ((distance <= reach[:, None]) & counted).sum() / max(counted.sum(), 1))


def pck(found: np.ndarray, truth: np.ndarray, skeleton: Skeleton, share: float = 0.2) -> float:
    """PCK@share of the torso: a joint counts if it lies within `share` of the distance from left shoulder to right hip.

    Persons without both of these joints are not counted (Yang and Ramanan, TPAMI 2013, section 6.1).
    """
    a, b = skeleton.names.index("left_shoulder"), skeleton.names.index("right_hip")
    both = (truth[:, a, 2] > 0) & (truth[:, b, 2] > 0)
    torso = np.linalg.norm(truth[:, a, :2] - truth[:, b, :2], axis=-1)
    return _hits(found, truth, np.where(both, share * torso, 0.0))


def pckh(found: np.ndarray, truth: np.ndarray, head: np.ndarray, skeleton: Skeleton, share: float = 0.5) -> float:
    """PCKh@share of MPII: within `share`·`head` (n, pixels); pelvis and thorax are left out, as in MPII's own evaluation."""
    keep = [i for i, name in enumerate(skeleton.names) if name not in ("pelvis", "thorax")]
    return _hits(found[:, keep], truth[:, keep], share * head)


def head_size(truth: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """n distances from upper neck to head top, 0 where not labelled: what stands for MPII's head box without its .mat file.

    MPII's own reference length is 0.6 of the head box's diagonal.
    """
    a, b = skeleton.names.index("upper_neck"), skeleton.names.index("head_top")
    both = (truth[:, a, 2] > 0) & (truth[:, b, 2] > 0)
    return np.where(both, np.linalg.norm(truth[:, a, :2] - truth[:, b, :2], axis=-1), 0.0)


def oks(found: np.ndarray, truth: np.ndarray, area: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """n object keypoint similarities: COCO's mean over labelled joints of exp(−d²/2·area·(2σ)²). `area`: n, pixels²."""
    square = ((found[..., :2] - truth[..., :2]) ** 2).sum(-1)
    near = np.exp(-square / (2 * area[:, None] * (2 * np.array(skeleton.sigmas)) ** 2))
    seen = truth[..., 2] > 0
    return np.asarray((near * seen).sum(1) / np.maximum(seen.sum(1), 1))


def average_precision(similarity: np.ndarray, score: np.ndarray) -> float:
    """COCO's AP, per cent, where every person has one find of its own.

    As pycocotools computes it: finds in order of their score; the mean over OKS 0.50, 0.55 … 0.95 of the precision at 101
    recalls, where the best precision at any higher recall counts.
    """
    order = np.argsort(-score, kind="stable")
    rank = np.arange(1, len(order) + 1)
    means = []
    for least in np.arange(0.5, 0.96, 0.05):
        right = np.cumsum(similarity[order] >= least)
        precision = np.maximum.accumulate((right / rank)[::-1])[::-1]
        at = np.searchsorted(right / len(order), np.linspace(0, 1, 101))
        means.append(np.append(precision, 0.0)[at].mean())
    return float(100 * np.mean(means))


class Confusion:
    """Counts pixels by true and found class. 255 in the truth is not counted."""

    def __init__(self, classes: int) -> None:
        self.counts = np.zeros((classes, classes), np.int64)

    def add(self, truth: np.ndarray, found: np.ndarray) -> None:
        """Two maps of class numbers, of the same shape."""
        n = len(self.counts)
        keep = truth < n
        self.counts += np.bincount(n * truth[keep].astype(int) + found[keep], minlength=n * n).reshape(n, n)

    def iou(self) -> np.ndarray:
        """Intersection over union of each class, per cent; NaN for a class that occurs neither in truth nor in the result."""
        both = np.diag(self.counts)
        union = self.counts.sum(0) + self.counts.sum(1) - both
        return np.where(union > 0, 100 * both / np.maximum(union, 1), np.nan)

    def mean_iou(self) -> float:
        """Mean over the classes that occur."""
        return float(np.nanmean(self.iou()))
