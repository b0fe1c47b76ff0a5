"""Lists the operators of a network of the family, in the order in which they run.

In: a [`LiteHRNet`], perhaps a quantised one. Out: a [`Recording`]: arrays (some of them a range of another's channels),
operators, where in the flat weights each convolution lies, and what rounds where.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch.nn as nn

from posed_models.blocks import (
    ConditionalChannelWeighting,
    ConvBN,
    NaiveLayers,
    Points,
    Separable,
    ShuffleUnit,
    SpatialWeighting,
    Stem,
)
from posed_models.distil import pairs
from posed_models.nets import Backbone, LiteHRModule, LiteHRNet
from posed_models.rounding import Rounder

ALIGN = 16
"""Arrays and weights begin at multiples of so many floats."""


@dataclass(frozen=True)
class Array:
    """height x width x channels: the channels from `start` on of array `whole`, which has `row` channels."""

    whole: int
    start: int
    height: int
    width: int
    channels: int
    row: int


@dataclass
class Step:
    """One operator.

    `option`: activation (0 none, 1 ReLU, 2 sigmoid), stride, or whether a ReLU follows a sum. `weight`: of a rounding, where its
    constants begin.
    """

    kind: str
    inputs: list[int]
    output: int
    option: int = 0
    factors: list[float] = field(default_factory=list)
    weight: int = 0
    bias: int = 0
    begins: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class Layer:
    """A convolution, the batch norm behind it, and where their numbers begin among all weights and all biases."""

    conv: nn.Conv2d
    bn: nn.BatchNorm2d | None
    kind: str
    weight: int
    bias: int


def aligned(n: int) -> int:
    return -(-n // ALIGN) * ALIGN


class Recording:
    """`net` on pictures of `height` x `width`."""

    def __init__(self, net: LiteHRNet, height: int, width: int) -> None:
        self.arrays: list[Array] = []
        self.steps: list[Step] = []
        self.layers: list[Layer] = []
        self.weights, self.biases = 0, 0
        self._constants: list[np.ndarray] = []
        self._norms = {id(conv): bn for _, conv, bn in pairs(net)}
        self.image = self._array(height, width, 3)
        finest = self._backbone(net.backbone, self.image)
        self.heatmaps = self._pointwise(finest, net.keypoint_head.final_layer, 0)

    def _array(self, height: int, width: int, channels: int) -> int:
        self.arrays.append(Array(len(self.arrays), 0, height, width, channels, channels))
        return len(self.arrays) - 1

    def _part(self, i: int, start: int, channels: int) -> int:
        a = self.arrays[i]
        self.arrays.append(Array(a.whole, a.start + start, a.height, a.width, channels, a.row))
        return len(self.arrays) - 1

    def _like(self, i: int, channels: int | None = None) -> int:
        a = self.arrays[i]
        return self._array(a.height, a.width, a.channels if channels is None else channels)

    def _step(self, kind: str, inputs: list[int], output: int, option: int = 0, factors: Sequence[float] = ()) -> int:
        self.steps.append(Step(kind, inputs, output, option, list(factors)))
        return output

    @property
    def constants(self) -> np.ndarray:
        """Of all roundings, one behind the other: scales, their inverses, lowest and highest steps, one for each channel."""
        return np.concatenate([np.zeros(0, np.float32), *self._constants])

    def _point(self, m: Points, name: str, x: int) -> int:
        """Array x, rounded if something rounds at this point of `m`."""
        rounder = m.rounder(name)
        if rounder is None:
            return x
        assert isinstance(rounder, Rounder)
        if rounder.mode != "round":
            return x
        channels = self.arrays[x].channels
        rows = np.zeros((4, aligned(channels)), np.float32)
        scale, zero = rounder.scale.numpy(), rounder.zero.numpy()
        for row, values in zip(rows, (scale, np.float32(1) / scale, -128 - zero, 127 - zero), strict=True):
            row[:channels] = values
        self._step("round", [x], self._like(x))
        self.steps[-1].weight = sum(c.size for c in self._constants)
        self._constants.append(rows.ravel())
        return self.steps[-1].output

    def _convolution(self, kind: str, inputs: list[int], output: int, conv: nn.Conv2d, option: int) -> int:
        self._step(kind, inputs, output, option)
        self.steps[-1].weight, self.steps[-1].bias = self.weights, self.biases
        self.layers.append(Layer(conv, self._norms.get(id(conv)), kind, self.weights, self.biases))
        self.weights += aligned(conv.weight.numel())
        self.biases += aligned(conv.out_channels)
        return output

    def _pointwise(self, x: int, conv: nn.Conv2d, act: int) -> int:
        return self._convolution("pointwise", [x], self._like(x, conv.out_channels), conv, act)

    def _depthwise(self, x: int, conv: nn.Conv2d) -> int:
        a, stride = self.arrays[x], conv.stride[0]
        return self._convolution("depthwise", [x], self._array(a.height // stride, a.width // stride, a.channels), conv, stride)

    def _conv_bn(self, x: int, m: ConvBN) -> int:
        if m.conv.groups > 1:
            y = self._depthwise(x, m.conv)
        else:
            y = self._pointwise(x, m.conv, (nn.Identity, nn.ReLU, nn.Sigmoid).index(type(m.act)))
        return self._point(m, "out", y)

    def _separable(self, x: int, m: Separable) -> int:
        depthwise, pointwise = m[0], m[2]
        assert isinstance(depthwise, nn.Conv2d) and isinstance(pointwise, nn.Conv2d)
        middle = self._point(m, "mid", self._depthwise(x, depthwise))
        return self._point(m, "out", self._pointwise(middle, pointwise, int(isinstance(m[-1], nn.ReLU))))

    def _shuffle(self, keep: int, work: int, weight: list[int]) -> int:
        return self._step("shuffle", [keep, work, *weight], self._like(keep, 2 * self.arrays[keep].channels))

    def _stem(self, m: Stem, image: int) -> int:
        a, conv = self.arrays[image], m.conv1.conv
        columns = self._array(a.height // 2, a.width // 2, 9 * a.channels)
        y = self._convolution("stem", [image, columns], self._like(columns, conv.out_channels), conv, 0)
        y = self._point(m.conv1, "out", y)
        half = conv.out_channels // 2
        first, second = self._part(y, 0, half), self._part(y, half, half)
        depthwise, pointwise = m.branch1
        first = self._conv_bn(self._conv_bn(first, depthwise), pointwise)  # type: ignore[arg-type]
        second = self._conv_bn(self._conv_bn(self._conv_bn(second, m.expand_conv), m.depthwise_conv), m.linear_conv)
        return self._point(m, "out", self._shuffle(first, second, []))

    def _spatial_weight(self, x: int, m: SpatialWeighting) -> int:
        mean = self._step("pool", [x], self._array(1, 1, self.arrays[x].channels))
        return self._conv_bn(self._conv_bn(self._point(m, "pool", mean), m.conv1), m.conv2)

    def _weighting(self, m: ConditionalChannelWeighting, xs: list[int]) -> list[int]:
        half = [self.arrays[x].channels // 2 for x in xs]
        keep = [self._part(x, 0, h) for x, h in zip(xs, half, strict=True)]
        work = [self._part(x, h, h) for x, h in zip(xs, half, strict=True)]
        starts = [sum(half[:i]) for i in range(len(half))]
        pooled = self._like(xs[-1], sum(half))
        for x, start, h in zip(work, starts, half, strict=True):
            self._step("pool", [x], self._part(pooled, start, h))
        cross = m.cross_resolution_weighting
        gates = self._conv_bn(self._conv_bn(self._point(cross, "pool", pooled), cross.conv1), cross.conv2)
        out = []
        for i, (x, h) in enumerate(zip(work, half, strict=True)):
            x = self._point(cross, f"out{i}", self._step("weigh", [x, self._part(gates, starts[i], h)], self._like(x)))
            x = self._conv_bn(x, m.depthwise_convs[i])  # type: ignore[arg-type]
            spatial = m.spatial_weighting[i]
            assert isinstance(spatial, SpatialWeighting)
            y = self._shuffle(keep[i], x, [self._spatial_weight(x, spatial)])
            out.append(self._point(spatial, "out", y))  # the kept half has this scale already: rounding leaves it as it is
        return out

    def _unit(self, m: ShuffleUnit, x: int) -> int:
        half = self.arrays[x].channels // 2
        work = self._part(x, half, half)
        for layer in m.branch2:
            work = self._conv_bn(work, layer)  # type: ignore[arg-type]
        return self._shuffle(self._part(x, 0, half), work, [])

    def _blocks(self, layers: nn.Module, xs: list[int]) -> list[int]:
        if isinstance(layers, NaiveLayers):
            for i, chain in enumerate(layers):
                for unit in chain.children():
                    xs[i] = self._unit(unit, xs[i])  # type: ignore[arg-type]
            return xs
        for block in layers.children():
            assert isinstance(block, ConditionalChannelWeighting)
            xs = self._weighting(block, xs)
        return xs

    def _module(self, m: LiteHRModule, xs: list[int]) -> list[int]:
        o, out = self._blocks(m.layers, list(xs)), []
        for i, row in enumerate(m.fuse_layers):
            assert isinstance(row, nn.ModuleList)
            terms = [o[j] if path is None else self._path(o[j], path, up=j > i) for j, path in enumerate(row)]
            factors = [2.0, *[1.0] * (len(terms) - 1)]  # the official alias, see nets.py
            y = self._step("sum", terms, self._like(o[i]), int(i > 0), factors)
            if i == 0:  # the other rows read it before its ReLU
                o[0] = self._point(m, "sum0", y)
                y = self._step("sum", [y], self._like(y), 1, [1.0])
            out.append(self._point(m, f"out{i}", y))
        return out

    def _path(self, x: int, path: nn.Module, up: bool) -> int:
        assert isinstance(path, nn.Sequential)
        if up:
            conv = path[0]
            assert isinstance(conv, nn.Conv2d)
            return self._pointwise(x, conv, 0)  # the sum enlarges
        for m in path:
            assert isinstance(m, Separable)
            x = self._separable(x, m)
        return x

    def _backbone(self, b: Backbone, image: int) -> int:
        ys = [self._stem(b.stem, image)]
        for s in range(b.stages):
            step = []
            for i, t in enumerate(getattr(b, f"transition{s}")):
                m = t if t is None or isinstance(t, Separable) else t[0]
                step.append(ys[i] if m is None else self._separable(ys[min(i, len(ys) - 1)], m))
            ys = step
            for module in getattr(b, f"stage{s}"):
                ys = self._module(module, ys)
        last: int | None = None
        for i, (x, project) in enumerate(zip(ys[::-1], b.head_layer.projects, strict=True)):
            if last is not None:
                x = self._point(b.head_layer, f"sum{i}", self._step("enlarge", [x, last], self._like(x)))
            last = self._conv_bn(self._conv_bn(x, project.depthwise_conv), project.pointwise_conv)  # type: ignore[arg-type]
        assert last is not None
        return last
