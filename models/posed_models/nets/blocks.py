"""The building blocks of Lite-HRNet, with the official state_dict names.

In and out: feature maps, N x C x H x W float. Source: Yu et al., Lite-HRNet, CVPR 2021, sections 3.1 (shuffle block, stem) and
3.2 (conditional channel weighting).

A block says by `point(name, x)` where an integer network rounds its activations. In float that is the identity;
int8/rounding.py fills the points with fake quantisers. They live outside the module tree, so the state_dict stays official.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import wrap_torch_function

_Net = TypeVar("_Net", bound=nn.Module)


class Points:
    """Mix-in: the named places where a quantised network rounds."""

    def rounder(self, name: str) -> Callable[[Tensor], Tensor] | None:
        """What rounds at `name`, if anything does."""
        found: Callable[[Tensor], Tensor] | None = self.__dict__.get("quant", {}).get(name)
        return found

    def point(self, name: str, x: Tensor) -> Tensor:
        """`x`, rounded if a rounder was put at `name`."""
        rounder = self.rounder(name)
        return x if rounder is None else rounder(x)


class ConvBN(nn.Module, Points):
    """Convolution [+ batch norm] [+ activation]; child names `conv` and `bn`. Point: out."""

    def __init__(
        self,
        cin: int,
        cout: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        bn: bool = True,
        act: str | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=not bn)
        if bn:
            self.bn = nn.BatchNorm2d(cout)
        self.act = {None: nn.Identity, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}[act]()

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.point("out", self.act(self.bn(x) if hasattr(self, "bn") else x))


def depthwise(channels: int, stride: int = 1) -> ConvBN:
    """A 3x3 convolution of each channel by itself, batch-normed."""
    return ConvBN(channels, channels, 3, stride, groups=channels)


@wrap_torch_function(lambda x: (x,))
def shuffle2(x: Tensor) -> Tensor:
    """Interleaves the two halves of the channels: a0 b0 a1 b1 … (ShuffleNet, two groups).

    A function of PyTorch's kind, so that a trace sees one operator (training/native/trace.py).
    """
    b, c, h, w = x.shape
    return x.reshape(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)


class Separable(nn.Sequential, Points):
    """Depthwise 3x3, then pointwise 1x1 [then ReLU], both batch-normed; child names 0 to 4. Points: mid, out."""

    def __init__(self, cin: int, cout: int, stride: int, relu: bool) -> None:
        super().__init__(
            nn.Conv2d(cin, cin, 3, stride, 1, groups=cin, bias=False),
            nn.BatchNorm2d(cin),
            nn.Conv2d(cin, cout, 1, bias=False),
            nn.BatchNorm2d(cout),
            *([nn.ReLU()] if relu else []),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.point("mid", self[1](self[0](x)))
        for layer in list(self)[2:]:
            x = layer(x)
        return self.point("out", x)


class Stem(nn.Module, Points):
    """Image to `width` channels at a quarter of its size (section 3.1). Point: out, after the shuffle."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        half = width // 2
        self.conv1 = ConvBN(3, width, 3, 2, act="relu")
        self.branch1 = nn.Sequential(depthwise(half, 2), ConvBN(half, half, act="relu"))
        self.expand_conv = ConvBN(half, width, act="relu")
        self.depthwise_conv = depthwise(width, 2)
        self.linear_conv = ConvBN(width, half, act="relu")

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.conv1(x).chunk(2, 1)
        b = self.linear_conv(self.depthwise_conv(self.expand_conv(b)))
        return self.point("out", shuffle2(torch.cat([self.branch1(a), b], 1)))


class SpatialWeighting(nn.Module, Points):
    """s = sigmoid(W2·relu(W1·mean(x))), out = s·x (section 3.2, "spatial weight computation"). Points: pool, out."""

    def __init__(self, channels: int, ratio: int = 4) -> None:
        super().__init__()
        self.conv1 = ConvBN(channels, channels // ratio, bn=False, act="relu")
        self.conv2 = ConvBN(channels // ratio, channels, bn=False, act="sigmoid")

    def forward(self, x: Tensor) -> Tensor:
        mean = self.point("pool", F.avg_pool2d(x, x.shape[-2:]))
        return self.point("out", x * self.conv2(self.conv1(mean)))


class CrossResolutionWeighting(nn.Module, Points):
    """One gate for each channel and coarse position, computed from all resolutions (section 3.2, equations 3 and 4).

    Points: pool (one for all branches), out0, out1, …
    """

    def __init__(self, channels: Sequence[int], ratio: int = 8) -> None:
        super().__init__()
        total = sum(channels)
        self.channels = list(channels)
        self.conv1 = ConvBN(total, total // ratio, act="relu")
        self.conv2 = ConvBN(total // ratio, total, act="sigmoid")

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        h, w = xs[-1].shape[-2:]
        pooled = [F.avg_pool2d(x, (x.shape[2] // h, x.shape[3] // w)) for x in xs[:-1]] + [xs[-1]]
        pooled = [self.point("pool", p) for p in pooled]
        gates = self.conv2(self.conv1(torch.cat(pooled, 1))).split(self.channels, 1)
        out = []
        for i, (x, gate) in enumerate(zip(xs, gates, strict=True)):
            if x.shape != gate.shape:
                gate = F.interpolate(gate, scale_factor=float(x.shape[2] // h), mode="nearest")
            out.append(self.point(f"out{i}", x * gate))
        return out


class ConditionalChannelWeighting(nn.Module):
    """The Lite block: half of each branch's channels is weighted, the other half kept, then shuffled (figure 2b)."""

    def __init__(self, channels: Sequence[int], ratio: int = 8) -> None:
        super().__init__()
        half = [c // 2 for c in channels]
        self.cross_resolution_weighting = CrossResolutionWeighting(half, ratio)
        self.depthwise_convs = nn.ModuleList(depthwise(c) for c in half)
        self.spatial_weighting = nn.ModuleList(SpatialWeighting(c) for c in half)

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        halves = [x.chunk(2, 1) for x in xs]
        work = self.cross_resolution_weighting([h[1] for h in halves])
        work = [s(d(x)) for x, d, s in zip(work, self.depthwise_convs, self.spatial_weighting, strict=True)]
        return [shuffle2(torch.cat([h[0], w], 1)) for h, w in zip(halves, work, strict=True)]


class ShuffleUnit(nn.Module):
    """The naive block: ShuffleNet's unit of stride 1 on one branch (figure 2a)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        h = channels // 2
        self.branch2 = nn.Sequential(ConvBN(h, h, act="relu"), depthwise(h), ConvBN(h, h, act="relu"))

    def forward(self, x: Tensor) -> Tensor:
        keep, work = x.chunk(2, 1)
        return shuffle2(torch.cat([keep, self.branch2(work)], 1))


class NaiveLayers(nn.ModuleList):
    """One chain of shuffle units for each branch."""

    def __init__(self, channels: Sequence[int], blocks: int) -> None:
        super().__init__(nn.Sequential(*[ShuffleUnit(c) for _ in range(blocks)]) for c in channels)

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        return [chain(x) for chain, x in zip(self, xs, strict=True)]


class DepthwiseSeparable(nn.Module):
    """mmcv's DepthwiseSeparableConvModule: depthwise 3x3 without activation, pointwise 1x1 with ReLU."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        self.depthwise_conv = depthwise(cin)
        self.pointwise_conv = ConvBN(cin, cout, act="relu")

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise_conv(self.depthwise_conv(x))


@torch.no_grad()
def fold_bn(net: _Net) -> _Net:
    """Folds every batch norm into the convolution before it, in place; returns the net in eval mode.

    w' = w·γ/√(σ²+ε), b' = β − μ·γ/√(σ²+ε).
    """

    def fuse(conv: nn.Conv2d, bn: nn.BatchNorm2d) -> None:
        assert bn.running_mean is not None and bn.running_var is not None
        conv.weight, conv.bias = nn.utils.fuse_conv_bn_weights(
            conv.weight, conv.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
        )
        conv.bias.requires_grad_(conv.weight.requires_grad)  # PyTorch makes one that is not learnt

    net.eval()
    for m in net.modules():
        if isinstance(m, ConvBN) and hasattr(m, "bn"):
            fuse(m.conv, m.bn)
            del m.bn
        elif isinstance(m, nn.Sequential):  # Separable, and a fuse row's convolution and batch norm
            for i in range(len(m) - 1):
                conv, bn = m[i], m[i + 1]
                if isinstance(conv, nn.Conv2d) and isinstance(bn, nn.BatchNorm2d):
                    fuse(conv, bn)
                    m[i + 1] = nn.Identity()
    return net
