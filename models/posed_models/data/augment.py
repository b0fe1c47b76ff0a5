"""Random training crops, made on the device so that a fast one is not starved.

In: a [`CropSet`]. Out: n x 3 x H x W normalised crops, their joints in crop pixels, and target heatmaps.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from posed_models.data.crops import CANVAS, CropSet
from posed_models.data.decode import PADDING
from posed_models.data.feed import Batch, Feed, Maps, coloured, cut, normalise
from posed_models.data.masks import at_cells
from posed_models.data.rooms import disturb


def warp(canvases: Tensor, matrix: Tensor, height: int, width: int) -> Tensor:
    """n x H x W x 3 bytes to n x 3 x height x width on 0 to 1; `matrix` n x 2 x 3 maps crop pixels to canvas pixels."""
    n, (rows, columns) = len(matrix), CANVAS
    x = canvases.permute(0, 3, 1, 2).float().div_(255)
    # pixel p ↔ normalised (2p + 1)/size − 1 on both sides (align_corners=False)
    scale = torch.tensor([2 / columns, 2 / rows], device=x.device)
    half = torch.tensor([width / 2, height / 2], device=x.device)
    linear = matrix[:, :, :2] * half * scale[:, None]
    shift = matrix[:, :, 2] + matrix[:, :, :2] @ (half - 0.5)
    theta = torch.cat([linear, ((shift + 0.5) * scale - 1)[..., None]], 2)
    grid = F.affine_grid(theta, [n, 3, height, width], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", align_corners=False)


def to_crop(keypoints: Tensor, matrix: Tensor) -> Tensor:
    """n x J x 3 in canvas pixels to crop pixels."""
    xy = (keypoints[..., :2] - matrix[:, None, :, 2]) @ torch.linalg.inv(matrix[:, :, :2]).transpose(1, 2)
    return torch.cat([xy, keypoints[..., 2:]], 2)


def plain(crops: CropSet, which: Tensor, height: int, width: int) -> tuple[Batch, Tensor]:
    """Crops without augmentation, as posed cuts them, and their maps to canvas pixels."""
    box = torch.as_tensor(crops.boxes, device=crops.device)[which]
    wide = torch.maximum(box[:, 2], box[:, 3] * width / height) * PADDING
    s = wide / width
    zero = torch.zeros_like(s)
    matrix = torch.stack(
        [
            torch.stack([s, zero, box[:, 0] - s * (width // 2)], 1),
            torch.stack([zero, s, box[:, 1] - s * (height // 2)], 1),
        ],
        1,
    )
    keypoints = torch.as_tensor(crops.keypoints, device=crops.device)[which]
    x = normalise(warp(crops.canvases(which), matrix, height, width))
    return Batch(x, to_crop(keypoints, matrix), _classes(crops, which, matrix, height, width)), matrix


def _classes(crops: CropSet, which: Tensor, matrix: Tensor, height: int, width: int) -> Tensor | None:
    return at_cells(crops.masks(which), matrix, height, width) if crops.load_mask is not None else None


CUT_BY_THE_EDGE = 0.25
"""The share of persons that a picture's edge cuts in rooms, most of them from below; 40 to 90 % of the box is left."""
ANYHOW = 0.07
"""The share that is turned by any angle in rooms: people lie."""


class Augmenter:
    """Draws random crops: whole or half bodies, scale ±25 %, turn ±35°, mirror, colours, noise, blur, holes.

    `rooms`: also persons whom the picture's edge cuts, with the box of what is left, and persons who lie; for the native trainer
    also what rooms.py has.
    """

    def __init__(self, crops: CropSet, height: int, width: int, generator: torch.Generator, rooms: bool = False) -> None:
        self.crops, self.size, self.g, self.rooms = crops, (height, width), generator, rooms
        self.parts = crops.parts()
        self.keypoints = torch.as_tensor(crops.keypoints, device=crops.device)
        self.mirror = torch.tensor(crops.skeleton.mirror, device=crops.device)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.g, device=self.crops.device)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.g, device=self.crops.device)

    def maps(self, n: int) -> Maps:
        """n random persons, and how they are cropped."""
        height, width = self.size
        which = torch.randint(len(self.crops), (n,), generator=self.g, device=self.crops.device)
        u = self._uniform(n)
        box = self.parts[which, torch.where(u < 0.17, 1, torch.where(u < 0.25, 2, 0))]
        box, seen = self._cut(box) if self.rooms else (box, None)
        wide = torch.maximum(box[:, 2], box[:, 3] * width / height) * PADDING
        wide = wide * (1 + self._normal(n) * 0.25).clamp(0.6, 1.6)
        centre = box[:, :2] + wide[:, None] * self._normal(n, 2) * 0.05
        angle = (self._normal(n) * 35).clamp(-80, 80) * math.pi / 180
        angle = torch.where(self._uniform(n) < 0.6, angle, torch.zeros_like(angle))
        if self.rooms:
            angle = torch.where(self._uniform(n) < ANYHOW, (self._uniform(n) * 2 - 1) * math.pi, angle)
        flip = self._uniform(n) < 0.5
        s, sign = wide / width, torch.where(flip, -1.0, 1.0)
        cos, sin = torch.cos(angle) * s, torch.sin(angle) * s
        linear = torch.stack([torch.stack([cos * sign, -sin], 1), torch.stack([sin * sign, cos], 1)], 1)
        middle = torch.tensor([width / 2, height / 2], device=self.crops.device)
        return Maps(which, torch.cat([linear, (centre - linear @ middle)[..., None]], 2), flip, seen)

    def _cut(self, box: Tensor) -> tuple[Tensor, Tensor]:
        """Boxes n x 4 (cx, cy, w, h) as a picture's edge leaves them, and what is left of the canvases."""
        n, (rows, columns) = len(box), CANVAS
        whole = torch.tensor([0.0, 0.0, columns, rows], device=box.device).expand(n, 4)
        corners = torch.cat([box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2], 1)
        size = box[:, 2:].repeat(1, 2)
        gone = size * (0.1 + 0.5 * self._uniform(n, 1)) * torch.tensor([1.0, 1.0, -1.0, -1.0], device=box.device)
        # of left, top, right, bottom
        side = torch.searchsorted(torch.tensor([0.22, 0.34, 0.56], device=box.device), self._uniform(n))
        chosen = F.one_hot(side, 4).bool() & (self._uniform(n, 1) < CUT_BY_THE_EDGE)
        left = torch.where(chosen, corners + gone, corners)
        seen = torch.where(chosen, left, whole)
        return torch.cat([(left[:, :2] + left[:, 2:]) / 2, left[:, 2:] - left[:, :2]], 1), seen

    def placed(self, joints: Tensor, matrix: Tensor, flip: Tensor) -> Tensor:
        """n x J x 3 in canvas pixels to crop pixels, left and right exchanged where mirrored; third 0 outside the crop."""
        height, width = self.size
        joints = to_crop(joints, matrix)
        joints = torch.where(flip[:, None, None], joints[:, self.mirror], joints)
        inside = (joints[..., :2] >= 0) & (joints[..., :2] < torch.tensor([width, height], device=joints.device))
        joints[..., 2] *= inside.all(-1)
        return joints

    def draw(self, n: int) -> Batch:
        """n random persons, each cropped anew."""
        height, width = self.size
        maps = self.maps(n)
        which, matrix = maps.which, maps.matrix
        joints = self.placed(self.keypoints[which], matrix, maps.flip)
        x = normalise(self._colours(warp(self.crops.canvases(which), matrix, height, width)))
        return Batch(x, joints, _classes(self.crops, which, matrix, height, width))

    def feed(self, n: int, random: np.random.Generator) -> Feed:
        """The same by OpenCV, colours by `random`; in rooms also with what rooms.py has."""
        height, width = self.size
        maps = self.maps(n)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        canvases = list(self.crops.canvases(maps.which).numpy())
        if maps.seen is not None:
            canvases = [cut(canvas, edges) for canvas, edges in zip(canvases, maps.seen.tolist(), strict=True)]
        matrices = maps.matrix.double().numpy()
        crops = [cv2.warpAffine(c, m, (width, height), flags=flags) for c, m in zip(canvases, matrices, strict=True)]
        if self.rooms:
            crops = disturb(crops, random)
        return Feed(np.stack([coloured(crop, random) for crop in crops]), maps)

    def _colours(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        on = (self._uniform(n, 1, 1, 1) < 0.8).float()
        x = x * (1 + on * self._normal(n, 1, 1, 1) * 0.2) * (1 + on * self._normal(n, 3, 1, 1) * 0.06)
        x = x + on * self._normal(n, 1, 1, 1) * 0.06
        x = torch.where(self._uniform(n, 1, 1, 1) < 0.15, x.mean(1, keepdim=True).expand_as(x), x)
        strength = self._uniform(n, 1, 1, 1) * 0.08 * (self._uniform(n, 1, 1, 1) < 0.2)
        x = x + strength * self._normal(*x.shape)
        soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
        x = torch.where(self._uniform(n, 1, 1, 1) < 0.2, soft, x)
        yy = torch.arange(height, device=x.device).view(1, 1, height, 1)
        xx = torch.arange(width, device=x.device).view(1, 1, 1, width)
        hole = self._uniform(n, 4, 1, 1)
        y0, x0 = hole[:, 0:1] * height, hole[:, 1:2] * width
        high, wide = height * (0.08 + hole[:, 2:3] * 0.23), width * (0.1 + hole[:, 3:4] * 0.31)
        cut = (yy >= y0) & (yy < y0 + high) & (xx >= x0) & (xx < x0 + wide)
        cut = cut & (self._uniform(n, 1, 1, 1) < 0.3)
        return torch.where(cut, self._uniform(n, 3, 1, 1), x).clamp_(0, 1)


def sigma_cells(height: int) -> float:
    """σ of a wanted peak: 2 cells at 256 rows, and grows with the input (3 at 384), as in the official configurations."""
    return 2.0 * height / 256


def targets(joints: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Heatmaps n x J x H/4 x W/4, exp(−d²/2σ²) around each joint, and weights n x J (0 where not labelled or outside)."""
    h, w = height // 4, width // 4
    sigma = sigma_cells(height)
    xx = torch.arange(w, device=joints.device, dtype=torch.float32)
    yy = torch.arange(h, device=joints.device, dtype=torch.float32)
    cx, cy = joints[..., 0] / 4, joints[..., 1] / 4
    gx = torch.exp(-((xx - cx[..., None]) ** 2) / (2 * sigma**2))
    gy = torch.exp(-((yy - cy[..., None]) ** 2) / (2 * sigma**2))
    return gy[..., :, None] * gx[..., None, :], (joints[..., 2] > 0).float()
