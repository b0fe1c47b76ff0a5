"""The convolutions of a graph and who feeds whom, whatever format the graph came in.

In: the graph's operators in order, one call each. Out: a list of [`Conv`], batch norms and lone biases and scales folded in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Conv:
    """One convolution: the name of its weight, folded weight O x I/groups x k x k and bias, and its neighbours by number."""

    name: str
    weight: np.ndarray
    bias: np.ndarray
    stride: int
    groups: int
    reads: set[int] = field(default_factory=set)
    feeds: set[int] = field(default_factory=set)

    @property
    def kind(self) -> tuple[Any, ...]:
        """What a convolution is without its neighbours."""
        return (*self.weight.shape, self.stride, self.groups)


class Collector:
    """Follows values through the operators: which convolutions does each come from, with nothing but other operators between?"""

    def __init__(self) -> None:
        self.found: list[Conv] = []
        self._source: dict[str, frozenset[int]] = {}

    def _reads(self, inputs: Iterable[str]) -> frozenset[int]:
        return frozenset[int]().union(*(self._source.get(i, frozenset()) for i in inputs))

    def convolution(
        self, name: str, data: str, output: str, weight: np.ndarray, bias: np.ndarray | None, stride: int, groups: int
    ) -> None:
        """`weight`: O x I/groups x k x k; `data` and `output` name the values before and behind it."""
        reads = self._reads([data])
        b = np.zeros(weight.shape[0]) if bias is None else bias.astype(np.float64).ravel()
        self.found.append(Conv(name, weight.astype(np.float64), b, stride, groups, set(reads)))
        for r in reads:
            self.found[r].feeds.add(len(self.found) - 1)
        self._source[output] = frozenset({len(self.found) - 1})

    def batch_norm(
        self, data: str, output: str, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, var: np.ndarray, epsilon: float
    ) -> None:
        """Behind one convolution: w' = w·γ/√(σ²+ε), b' = (b − μ)·γ/√(σ²+ε) + β."""
        reads = self._reads([data])
        conv = self.found[next(iter(reads))]
        scale = gamma.astype(np.float64) / np.sqrt(var.astype(np.float64) + epsilon)
        conv.weight = conv.weight * scale.reshape(-1, 1, 1, 1)
        conv.bias = (conv.bias - mean) * scale + beta
        self._source[output] = reads

    def other(self, kind: str, inputs: Iterable[str], outputs: Iterable[str], constants: list[np.ndarray]) -> None:
        """Any other operator. A value's shape does not come from the convolutions before it.

        An `Add` or `Mul` of one convolution and one value a channel is a bias or a scale that an exporter left beside it: so
        paddle2onnx and OpenVINO write biases.
        """
        reads = self._reads(inputs) if kind not in ("Shape", "ShapeOf") else frozenset()
        if kind in ("Add", "Mul") and len(reads) == 1 and len(constants) == 1:
            conv, value = self.found[next(iter(reads))], constants[0].astype(np.float64).ravel()
            if value.size == conv.weight.shape[0] and kind == "Add":
                conv.bias = conv.bias + value
            elif value.size == conv.weight.shape[0]:
                conv.weight, conv.bias = conv.weight * value.reshape(-1, 1, 1, 1), conv.bias * value
        for o in outputs:
            self._source[o] = reads
