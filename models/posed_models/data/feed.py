"""What a trainer is fed with, and the changes of colour that a picture goes through on its way.

In: pictures of bytes. Out: normalised ones, with what is known of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from posed_models.data.imagenet import MEAN, STD


@dataclass
class Batch:
    """`x`: n x 3 x H x W normalised; `joints`: n x J x 3 in crop pixels, third 0 where not labelled."""

    x: Tensor
    joints: Tensor
    classes: Tensor | None = None
    """n x H/4 x W/4 class numbers, 255 not counted; where the crops have outlines."""
    wanted: Tensor | None = None
    """n x planes x H/4 x W/4, where the pictures themselves say what a network is to give."""
    weight: Tensor | None = None
    """Of the error of each of these."""


@dataclass
class Maps:
    """Where n crops lie. `matrix`: n x 2 x 3, crop pixels to their canvases' pixels; `flip`: which are mirrored.

    `seen`: n x 4, left, top, right and bottom, in canvas pixels, of what a picture's edge leaves of the canvas; None: everything.
    """

    which: Tensor
    matrix: Tensor
    flip: Tensor
    seen: Tensor | None = None


@dataclass
class Feed:
    """n pictures for the native trainer, n x H x W x 3 normalised; where they lie, or what they want of a network."""

    pictures: np.ndarray
    maps: Maps | None = None
    wanted: np.ndarray | None = None
    """n x H/4 x W/4 x planes."""
    weight: np.ndarray | None = None


class Source(Protocol):
    """Random pictures to learn from, each changed anew."""

    @property
    def size(self) -> tuple[int, int]:
        """Their height and width."""

    def draw(self, n: int) -> Batch:
        """n of them for PyTorch."""

    def feed(self, n: int, random: np.random.Generator) -> Feed:
        """n of them for the native trainer."""


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


def normalise(x: Tensor) -> Tensor:
    """RGB on 0 to 1, n x 3 x H x W, to the networks' scale."""
    mean = torch.as_tensor(MEAN, device=x.device).view(1, 3, 1, 1)
    std = torch.as_tensor(STD, device=x.device).view(1, 3, 1, 1)
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)
