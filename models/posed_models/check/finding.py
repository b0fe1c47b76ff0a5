"""How well a network finds people, on pictures that training never sees.

In: a network and pictures with everybody's boxes. Out, per cent: `ap`, average precision at an overlap of half; `recall`, of
persons taller than a quarter of the picture, and `recall_small`, of the others, where eight of ten finds are right.

Boxes are compared as the 3:4 boxes that a crop for a pose is made of (data/planes.py). Finds in ignored regions are not counted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from posed_models.data import pictures as files
from posed_models.data.pictures import PictureSet
from posed_models.data.planes import ASPECT, boxes, height, overlap

SAME = 0.5
LEAST = 0.05
"""Finds of a lower score are not looked at."""
PRECISION = 0.8
TALL = 0.25

Planes = Callable[[Tensor], Tensor]
Read = Callable[[np.ndarray, float], list[tuple[list[float], float]]]
"""What a finder gave, to boxes and scores: peaks (planes.py), or boxes (boxes.py)."""


def _upright(box: list[float]) -> list[float]:
    size = height(box[2], box[3])
    return [box[0] + box[2] / 2 - size * ASPECT / 2, box[1] + box[3] / 2 - size / 2, size * ASPECT, size]


def match(found: list[tuple[list[float], float]], persons: list[list[float]], ignored: list[list[float]]) -> list[int]:
    """For each find, best first: the number of the person it is, −1 if it is nobody, −2 if it is not counted."""
    left, out = dict(enumerate(map(_upright, persons))), []
    for box, _ in found:
        near = max(left, key=lambda k: overlap(box, left[k]), default=-1)
        if near >= 0 and overlap(box, left[near]) >= SAME:
            del left[near]
            out.append(near)
            continue
        x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
        out.append(-2 if any(bx <= x <= bx + w and by <= y <= by + h for bx, by, w, h in ignored) else -1)
    return out


class FoundPeople:
    """Held-out pictures, at most `limit` of them, spread over all."""

    def __init__(self, pictures: PictureSet, height_: int, width: int, limit: int = 300, read: Read = boxes) -> None:
        n = min(limit, len(pictures))
        self._pictures = pictures.subset([i * len(pictures) // n for i in range(n)])
        self._size, self._read = (height_, width), read

    def __len__(self) -> int:
        return len(self._pictures)

    @torch.no_grad()
    def figures(self, net: Planes, teacher: Planes | None) -> dict[str, float]:
        """The figures of the module's doc, as `held_out_…`."""
        del teacher
        scores: list[float] = []
        right: list[bool] = []
        tall: list[bool] = []
        persons = [0, 0]
        for i in range(len(self._pictures)):
            x, people, ignored, shown = files.plain(self._pictures, i, *self._size)
            found = [(_upright(box), score) for box, score in self._read(net(x)[0].float().cpu().numpy(), LEAST)]
            # of the picture's height, not the input's: what lies beside the picture is black
            large = [height(p[2], p[3]) >= TALL * shown for p in people]
            persons[0] += large.count(False)
            persons[1] += large.count(True)
            for (_, score), who in zip(found, match(found, people, ignored), strict=True):
                if who != -2:
                    scores.append(score)
                    right.append(who >= 0)
                    tall.append(who >= 0 and large[who])
        return {f"held_out_{name}": value for name, value in summary(scores, right, tall, persons).items()}


def summary(scores: list[float], right: list[bool], tall: list[bool], persons: list[int]) -> dict[str, float]:
    """`persons`: how many there are, small and tall."""
    order = np.argsort(-np.array(scores), kind="stable")
    hit, large = np.array(right, bool)[order], np.array(tall, bool)[order]
    hits = np.cumsum(hit)
    precision = hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1] if len(hits) else precision
    at = np.searchsorted(hits / max(sum(persons), 1), np.linspace(0, 1, 101))
    ap = 100 * float(np.append(best, 0.0)[at].mean())
    enough = np.flatnonzero(precision >= PRECISION)
    last = enough[-1] + 1 if len(enough) else 0
    small = (hit & ~large)[:last].sum() / max(persons[0], 1)
    return {"ap": ap, "recall": 100 * float(large[:last].sum() / max(persons[1], 1)), "recall_small": 100 * float(small)}
