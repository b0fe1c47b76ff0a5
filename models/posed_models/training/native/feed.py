"""Crops for the native trainer, made by OpenCV in a thread of their own while the last ones are learnt from.

In: an [`Augmenter`], which says where the crops lie. Out: [`Feed`]s; the changes of colour are the augmenter's, in NumPy, and for
rooms those of rooms.py.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from posed_models.data.augment import Augmenter, Maps
from posed_models.data.imagenet import MEAN, STD
from posed_models.data.rooms import disturb


@dataclass
class Feed:
    """n crops: `pictures` n x H x W x 3 normalised."""

    pictures: np.ndarray
    maps: Maps


def coloured(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Bytes H x W x 3 to normalised floats, with other light, grey, soft, noisy, or with a hole."""
    height, width, _ = crop.shape
    if random.random() < 0.15:
        crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if random.random() < 0.2:
        crop = cv2.blur(crop, (3, 3), borderType=cv2.BORDER_REPLICATE)
    x = crop.astype(np.float32)
    x *= np.float32(1 / 255)
    if random.random() < 0.8:
        x *= ((1 + random.normal() * 0.2) * (1 + random.normal(size=3) * 0.06)).astype(np.float32)
        x += np.float32(random.normal() * 0.06)
    if random.random() < 0.2:
        x += random.standard_normal(x.shape, np.float32) * np.float32(random.random() * 0.08)
    if random.random() < 0.3:
        y0, x0 = int(random.random() * height), int(random.random() * width)
        high, wide = int(height * (0.08 + random.random() * 0.23)), int(width * (0.1 + random.random() * 0.31))
        x[y0 : y0 + high, x0 : x0 + wide] = random.random(3)
    np.clip(x, 0, 1, out=x)
    x -= MEAN
    x /= STD
    return x


def cut(canvas: np.ndarray, seen: Sequence[float]) -> np.ndarray:
    """The canvas, black outside `seen` (left, top, right, bottom), as beyond a picture's edge."""
    left, top, right, bottom = (round(v) for v in seen)
    out = np.zeros_like(canvas)
    inside = slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), max(right, 0))
    out[inside] = canvas[inside]
    return out


class Feeder:
    """Makes batches of `batch` crops ahead of time; `next` gives them in their order."""

    AHEAD = 3

    def __init__(self, augment: Augmenter, batch: int, seed: int) -> None:
        self._augment, self._batch = augment, batch
        self._random = np.random.default_rng(seed)
        self._ready: queue.Queue[Feed | Exception] = queue.Queue(self.AHEAD)
        self._thread: threading.Thread | None = None

    def make(self) -> Feed:
        """One batch, now."""
        height, width = self._augment.size
        maps = self._augment.maps(self._batch)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        canvases = list(self._augment.crops.canvases(maps.which).numpy())
        if maps.seen is not None:
            canvases = [cut(canvas, edges) for canvas, edges in zip(canvases, maps.seen.tolist(), strict=True)]
        matrices = maps.matrix.double().numpy()
        crops = [cv2.warpAffine(c, m, (width, height), flags=flags) for c, m in zip(canvases, matrices, strict=True)]
        if self._augment.rooms:
            crops = disturb(crops, self._random)
        return Feed(np.stack([coloured(crop, self._random) for crop in crops]), maps)

    def _run(self) -> None:
        while True:
            try:
                self._ready.put(self.make())
            except Exception as e:  # a damaged crop is reported by whoever waits for it
                self._ready.put(e)
                return

    def next(self) -> Feed:
        """The next batch; raises what went wrong in making it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        feed = self._ready.get()
        if isinstance(feed, Exception):
            raise feed
        return feed
