"""Lists the operators of a network, in the order in which they run.

In: a network, perhaps a quantised one. Out: a [`Recording`]: arrays (some of them a range of another's channels), operators,
where in the flat weights each convolution lies, and what rounds where.

What the network computes is traced (trace.py). The C++ has larger operators than PyTorch: a convolution with its batch norm
and activation, a sum of up to four terms that enlarges the small ones, a shuffle that weighs. Which values become one operator is
said here, by what they are made of and who uses them, not by the modules that made them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn as nn

from posed_models.errors import PosedModelsError
from posed_models.nets.lite_hrnet import LiteHRNet
from posed_models.training.native.library import MOST_TERMS
from posed_models.training.native.trace import Trace, Value

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


def _before_rounding(v: Value) -> Value:
    return v.inputs[0] if v.op == "round" else v


def _shuffled(v: Value) -> bool:
    """Is it a half of what is shuffled?"""
    cat = v.only_user("cat")
    return cat is not None and cat.only_user("shuffle") is not None


def _weighs_in_shuffle(v: Value) -> bool:
    """Is it a product with one weight a channel, only to be shuffled, perhaps rounded before?"""
    one = v.op == "mul" and v.inputs[1].shape[2:] == (1, 1)
    rounded = v.only_user("round")
    return one and (_shuffled(v) or (rounded is not None and _shuffled(rounded)))


def _gathered(v: Value) -> bool:
    """Is it pooled, or rounded, only to be concatenated with others of its size?"""
    cat, rounded = v.only_user("cat"), v.only_user("round")
    if cat is not None:
        return cat.only_user("shuffle") is None
    return v.op == "pool" and rounded is not None and _gathered(rounded)


def _same_rounding(a: Value, b: Value) -> bool:
    return torch.equal(a.scale, b.scale) and torch.equal(a.zero, b.zero)


def _convolved(v: Value) -> bool:
    """Is it a convolution's result, perhaps normed, activated or rounded?"""
    return v.op == "convolution" or (v.op in ("norm", "relu", "sigmoid", "round") and _convolved(v.inputs[0]))


def _order(trace: Trace) -> list[Value]:
    """The values as computed, but of what is shuffled the first half before the second, whatever order `forward` has.

    Where a convolution's weights lie follows from this order, and `resume.pt` keeps them as they lie.
    """
    order = list(trace.values)
    for cat in trace.values:
        if cat.only_user("shuffle") is None:
            continue
        first, second = (order.index(half) for half in cat.inputs)
        if first > second:
            chain = cat.inputs[1]
            while _convolved(chain.inputs[0]):
                chain = chain.inputs[0]
            begin = order.index(chain)
            order[begin : first + 1] = order[second + 1 : first + 1] + order[begin : second + 1]
    return order


class Recording:
    """`net` on pictures of `height` x `width`."""

    def __init__(self, net: LiteHRNet, height: int, width: int) -> None:
        self.arrays: list[Array] = []
        self.steps: list[Step] = []
        self.layers: list[Layer] = []
        self.weights, self.biases = 0, 0
        self._constants: list[np.ndarray] = []
        self._made: dict[Value, int] = {}
        """The array of every value that has one."""
        trace = Trace(net, height, width)
        for v in _order(trace):
            getattr(self, f"_{v.op}", self._unknown)(v)
        self.image, self.heatmaps = self._made[trace.image], self._made[trace.result]

    @staticmethod
    def _unknown(v: Value) -> None:
        raise PosedModelsError(f"--native has no operator {v.op}: leave it away for this network")

    def _array(self, height: int, width: int, channels: int) -> int:
        self.arrays.append(Array(len(self.arrays), 0, height, width, channels, channels))
        return len(self.arrays) - 1

    def _range(self, i: int, start: int, channels: int) -> int:
        a = self.arrays[i]
        self.arrays.append(Array(a.whole, a.start + start, a.height, a.width, channels, a.row))
        return len(self.arrays) - 1

    def _like(self, i: int) -> int:
        a = self.arrays[i]
        return self._array(a.height, a.width, a.channels)

    def _step(self, kind: str, inputs: list[int], output: int, option: int = 0, factors: Sequence[float] = ()) -> int:
        self.steps.append(Step(kind, inputs, output, option, list(factors)))
        return output

    @property
    def constants(self) -> np.ndarray:
        """Of all roundings, one behind the other: scales, their inverses, lowest and highest steps, one for each channel."""
        return np.concatenate([np.zeros(0, np.float32), *self._constants])

    def _convolve(self, kind: str, inputs: list[int], output: int, conv: nn.Conv2d, option: int) -> int:
        self._step(kind, inputs, output, option)
        self.steps[-1].weight, self.steps[-1].bias = self.weights, self.biases
        self.layers.append(Layer(conv, None, kind, self.weights, self.biases))
        self.weights += aligned(conv.weight.numel())
        self.biases += aligned(conv.out_channels)
        return output

    # One method for each `op` of trace.py, which gives the value its array unless a later operator does its work.

    def _image(self, v: Value) -> None:
        _, channels, height, width = v.shape
        self._made[v] = self._array(height, width, channels)

    def _convolution(self, v: Value) -> None:
        conv, x = v.module, self._made[v.inputs[0]]
        assert isinstance(conv, nn.Conv2d)
        _, channels, height, width = v.shape
        out = self._array(height, width, channels)
        if conv.groups > 1:
            self._made[v] = self._convolve("depthwise", [x], out, conv, conv.stride[0])
        elif conv.kernel_size == (1, 1):
            self._made[v] = self._convolve("pointwise", [x], out, conv, 0)
        else:
            columns = self._array(height, width, 9 * conv.in_channels)
            self._made[v] = self._convolve("stem", [x, columns], out, conv, 0)

    def _norm(self, v: Value) -> None:
        assert self.layers[-1].conv is v.inputs[0].module and isinstance(v.module, nn.BatchNorm2d)
        self.layers[-1] = replace(self.layers[-1], bn=v.module)
        self._made[v] = self._made[v.inputs[0]]

    def _relu(self, v: Value) -> None:
        self._activate(v, 1)

    def _sigmoid(self, v: Value) -> None:
        self._activate(v, 2)

    def _activate(self, v: Value, option: int) -> None:
        """By the operator before it, if nobody else wants that one's result; the stem's has a ReLU in any case."""
        x = self._made[v.inputs[0]]
        step = self.steps[-1]
        able = ("pointwise", "stem", "sum") if option == 1 else ("pointwise",)
        if step.output == x and len(v.inputs[0].users) == 1 and step.kind in able:
            step.option = 0 if step.kind == "stem" else option
            self._made[v] = x
        elif option == 1:
            self._made[v] = self._step("sum", [x], self._like(x), 1, [1.0])
        else:
            self._unknown(v)

    def _part(self, v: Value) -> None:
        self._made[v] = self._range(self._made[v.inputs[0]], v.start, v.shape[1])

    def _round(self, v: Value) -> None:
        if not _gathered(v) and not _weighs_in_shuffle(v.inputs[0]):
            self._made[v] = self._rounded(self._made[v.inputs[0]], v)

    def _rounded(self, x: int, how: Value) -> int:
        """Array x, rounded to the steps of `how`."""
        channels = self.arrays[x].channels
        rows = np.zeros((4, aligned(channels)), np.float32)
        scale, zero = how.scale.numpy(), how.zero.numpy()
        for row, values in zip(rows, (scale, np.float32(1) / scale, -128 - zero, 127 - zero), strict=True):
            row[:channels] = values
        self._step("round", [x], self._like(x))
        self.steps[-1].weight = sum(c.size for c in self._constants)
        self._constants.append(rows.ravel())
        return self.steps[-1].output

    def _pool(self, v: Value) -> None:
        if not _gathered(v):
            _, channels, height, width = v.shape
            self._made[v] = self._step("pool", [self._made[v.inputs[0]]], self._array(height, width, channels))

    def _nearest(self, v: Value) -> None:
        self._enlarged(v, "add", "mul")

    def _bilinear(self, v: Value) -> None:
        self._enlarged(v, "add")

    def _enlarged(self, v: Value, *by: str) -> None:
        """What uses it enlarges it."""
        if any(user.op not in by for user in v.users):
            self._unknown(v)
        self._made[v] = self._made[v.inputs[0]]

    def _add(self, v: Value) -> None:
        if v.only_user("add") is not None:
            return
        factors: dict[Value, float] = {}
        self._gather_terms(v, factors)
        terms = [self._made[t] for t in factors]
        _, channels, height, width = v.shape
        out = self._array(height, width, channels)
        if any(t.op == "bilinear" for t in factors):
            if [t.op == "bilinear" for t in factors] != [False, True] or set(factors.values()) != {1.0}:
                self._unknown(v)
            self._made[v] = self._step("enlarge", terms, out)
        elif len(terms) > MOST_TERMS:
            self._unknown(v)
        else:
            self._made[v] = self._step("sum", terms, out, 0, list(factors.values()))

    def _gather_terms(self, v: Value, factors: dict[Value, float]) -> None:
        for x in v.inputs:
            if x.op == "add" and x.only_user("add") is v:
                self._gather_terms(x, factors)
            else:
                factors[x] = factors.get(x, 0.0) + 1.0

    def _mul(self, v: Value) -> None:
        if not _weighs_in_shuffle(v):
            x, gate = (self._made[i] for i in v.inputs)
            self._made[v] = self._step("weigh", [x, gate], self._like(x))

    def _cat(self, v: Value) -> None:
        """Of the halves of a shuffle, see there. Else of things to be pooled to one size, and rounded by one scale."""
        if v.only_user("shuffle") is not None:
            return
        _, channels, height, width = v.shape
        out, start = self._array(height, width, channels), 0
        roundings = [x for x in v.inputs if x.op == "round" and _gathered(x)]
        if any(not _same_rounding(roundings[0], r) for r in roundings) or len(roundings) not in (0, len(v.inputs)):
            self._unknown(v)
        for x in v.inputs:
            x = _before_rounding(x) if roundings else x
            source = x.inputs[0] if x.op == "pool" else x
            self._step("pool", [self._made[source]], self._range(out, start, x.shape[1]))
            start += x.shape[1]
        self._made[v] = self._rounded(out, roundings[0]) if roundings else out

    def _shuffle(self, v: Value) -> None:
        """The worked half may be weighed, and then rounded: the kept half has that scale already, rounding leaves it as it is."""
        keep, work = v.inputs[0].inputs
        _, channels, height, width = v.shape
        product = _before_rounding(work)
        weighs = _weighs_in_shuffle(product)
        halves = product.inputs if weighs else [work]
        inputs = [self._made[keep], *(self._made[x] for x in halves)]
        y = self._step("shuffle", inputs, self._array(height, width, channels))
        self._made[v] = self._rounded(y, work) if weighs and work.op == "round" else y
