"""What a network computes: its own `forward`, run once on values that have a shape and no numbers.

In: a network. Out: its [`Value`]s in the order in which they are computed. The wiring is that of nets/ and of the task's head,
and is written nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Size, Tensor

from posed_models.errors import PosedModelsError
from posed_models.nets.blocks import shuffle2
from posed_models.nets.lite_hrnet import LiteHRNet


class Trace:
    """`net` on one picture of `height` x `width`: from `image` to `result`."""

    def __init__(self, net: LiteHRNet, height: int, width: int) -> None:
        self.values: list[Value] = []
        self.running: nn.Module | None = None
        """The convolution or batch norm that runs now."""
        self.image = Value(self, "image", [], Size((1, 3, height, width)))
        modes = {m: m.training for m in net.modules()}
        net.eval()  # a batch norm that trains would count this as a batch
        known = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
        hooks = [m.register_forward_pre_hook(self._enter) for m in known]
        try:
            result: Any = net(self.image)
        finally:
            for hook in hooks:
                hook.remove()
            for m, training in modes.items():
                m.training = training
        assert isinstance(result, Value)
        self.result: Value = result

    def _enter(self, m: nn.Module, _inputs: Any) -> None:
        self.running = m


class Value:
    """What stands where a tensor would. `op`: one of those that the functions below give; `users`: the values made of it."""

    def __init__(self, trace: Trace, op: str, inputs: Sequence[Value], shape: Size, start: int = 0) -> None:
        self.trace, self.op, self.inputs, self.shape, self.start = trace, op, list(inputs), shape, start
        self.users: list[Value] = []
        self.module: nn.Module | None = None
        self.scale, self.zero = torch.ones(1), torch.zeros(1)
        for v in inputs:
            v.users.append(self)
        trace.values.append(self)

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """PyTorch calls this for every function of its own that is given a value."""
        if function not in _FUNCTIONS:
            raise PosedModelsError(f"--native has no operator for {function.__name__}: leave it away for this network")
        return _FUNCTIONS[function](*args, **(kwargs or {}))

    def then(self, op: str, *others: Value, shape: Size | None = None) -> Value:
        """A new value made of this one."""
        return Value(self.trace, op, [self, *others], self.shape if shape is None else shape)

    def only_user(self, op: str) -> Value | None:
        """The one value that is made of this one, if it is an `op`."""
        return self.users[0] if len(self.users) == 1 and self.users[0].op == op else None

    def dim(self) -> int:
        return len(self.shape)

    def chunk(self, count: int, axis: int) -> list[Value]:
        return self.split([self.shape[1] // count] * count, axis)

    def split(self, sizes: Sequence[int], axis: int) -> list[Value]:
        assert axis == 1 and sum(sizes) == self.shape[1]
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        n, _, h, w = self.shape
        return [Value(self.trace, "part", [self], Size((n, c, h, w)), at) for at, c in zip(starts, sizes, strict=True)]

    def __add__(self, other: Value) -> Value:
        return self.then("add", other)

    def __mul__(self, gate: Value) -> Value:
        return self.then("mul", gate)


def _convolution(x: Value, weight: Tensor, _bias: Any, stride: Sequence[int], *_rest: Any) -> Value:
    n, _, h, w = x.shape
    y = x.then("convolution", shape=Size((n, len(weight), h // stride[0], w // stride[0])))
    y.module = x.trace.running
    return y


def _norm(x: Value, *_rest: Any, **_more: Any) -> Value:
    y = x.then("norm")
    y.module = x.trace.running
    return y


def _activation(op: str) -> Callable[..., Value]:
    return lambda x, inplace=False: x.then(op)


def _cat(values: Sequence[Value], axis: int) -> Value:
    assert axis == 1
    n, _, h, w = values[0].shape
    return values[0].then("cat", *values[1:], shape=Size((n, sum(v.shape[1] for v in values), h, w)))


def _pool(x: Value, size: Sequence[int], *_rest: Any, **_more: Any) -> Value:
    n, c, h, w = x.shape
    return x.then("pool", shape=Size((n, c, h // size[0], w // size[1])))


def _enlarge(
    x: Value, size: Any = None, scale_factor: float | None = None, mode: str = "", align_corners: bool | None = None, **_: Any
) -> Value:
    n, c, h, w = x.shape
    to = (round(h * scale_factor), round(w * scale_factor)) if scale_factor is not None else tuple(size)
    return x.then("bilinear" if mode == "bilinear" and align_corners else mode, shape=Size((n, c, *to)))


def _rounding(x: Value, scale: Tensor, zero: Tensor, *_rest: Any) -> Value:
    y = x.then("round")
    y.scale, y.zero = scale.reshape(-1), zero.reshape(-1)
    return y


_FUNCTIONS: dict[Any, Callable[..., Value]] = {
    torch.conv2d: _convolution,
    F.batch_norm: _norm,
    F.relu: _activation("relu"),
    torch.sigmoid: _activation("sigmoid"),
    torch.cat: _cat,
    F.avg_pool2d: _pool,
    F.interpolate: _enlarge,
    shuffle2: lambda x: x.then("shuffle"),
    torch.fake_quantize_per_tensor_affine: _rounding,
    torch.fake_quantize_per_channel_affine: _rounding,
}
