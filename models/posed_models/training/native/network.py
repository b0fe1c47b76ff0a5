"""One network, run and taught by the C++.

In: normalised pictures n x H x W x 3, contiguous float32, and joints n x J x 4 (column and row in heatmap cells, amplitude,
weight) or heatmaps to give. Out: heatmaps n x H/4 x W/4 x J; losses.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import torch

from posed_models.errors import PosedModelsError
from posed_models.int8.rounding import Quantised
from posed_models.nets.lite_hrnet import LiteHRNet
from posed_models.training.native import library
from posed_models.training.native.memory import Layout
from posed_models.training.native.record import Recording
from posed_models.training.native.weights import FlatWeights


def quick(net: LiteHRNet, height: int, width: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """A folded `net` as a function of n x 3 x H x W: by the C++ if there is a compiler, else by PyTorch, far slower."""
    try:
        return NativeNetwork(net, height, width, os.cpu_count() or 1).forward
    except PosedModelsError:
        return net


def _address(a: np.ndarray | torch.Tensor) -> int:
    if isinstance(a, torch.Tensor):
        return a.data_ptr()
    assert a.dtype == np.float32 and a.flags.c_contiguous
    return int(a.ctypes.data)


class NativeNetwork:
    """`net` with its batch norms' statistics, and its rounding if it is quantised, as they are.

    `weights` is a copy: `write` brings the averages back.
    """

    def __init__(
        self,
        net: LiteHRNet | Quantised,
        height: int,
        width: int,
        threads: int,
        flags: tuple[str, ...] = library.FLAGS,
        weight_decay: float = 0.0,
    ) -> None:
        self._image = net.image if isinstance(net, Quantised) else None
        net = net.net if isinstance(net, Quantised) else net
        self.recorded, self.size = net, (height, width)
        r = Recording(net, height, width)
        layout = Layout(r)
        self.weights = FlatWeights(r, weight_decay)
        self._constants = r.constants
        self._library = library.load(flags)
        tensors = (library.Tensor * len(r.arrays))()
        for t, a in zip(tensors, r.arrays, strict=True):
            t.value, t.gradient = layout.values[a.whole] + a.start, layout.gradients.get(a.whole, 0) + a.start
            t.height, t.width, t.channels, t.row = a.height, a.width, a.channels, a.row
        operators = (library.Operator * len(r.steps))()
        for o, s in zip(operators, r.steps, strict=True):
            o.kind, o.inputs, o.output, o.option = library.KINDS.index(s.kind), len(s.inputs), s.output, s.option
            o.weight, o.bias = s.weight, s.bias
            o.input[: len(s.inputs)], o.begins[: len(s.begins)] = s.inputs, [int(b) for b in s.begins]
            o.factor[: len(s.factors)] = s.factors
        self._handle = self._library.network_new(
            tensors, len(tensors), operators, len(operators), layout.value_floats, layout.gradient_floats,
            r.weights, r.biases, r.image, r.heatmaps, threads,
        )  # fmt: skip
        if not self._handle:
            raise PosedModelsError(f"no memory for {threads} times {4e-6 * layout.value_floats:.0f} MB: leave --native away")
        heatmaps = r.arrays[r.heatmaps]
        self.heatmap_shape = (heatmaps.height, heatmaps.width, heatmaps.channels)
        self.gradients = torch.zeros(r.weights + r.biases)
        self.operators, self.megabytes = len(r.steps), 4e-6 * (layout.value_floats + layout.gradient_floats)

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.network_free(self._handle)

    def _folded(self) -> library.Weights:
        w = self.weights
        return library.Weights(w.plain.data_ptr(), w.turned.data_ptr(), w.bias.data_ptr(), _address(self._constants))

    def _seen(self, pictures: np.ndarray) -> np.ndarray:
        """The pictures as the network sees them: rounded, if it is quantised."""
        assert pictures.shape[1:] == (*self.size, 3)
        return pictures if self._image is None else self._image.round(torch.from_numpy(pictures)).numpy()

    def run(self, pictures: np.ndarray, averaged: bool = False) -> np.ndarray:
        """The heatmaps, by the weights as they are or by their averages."""
        pictures = self._seen(pictures)
        self.weights.fold(averaged)
        out = np.empty((len(pictures), *self.heatmap_shape), np.float32)
        self._library.network_run(self._handle, self._folded(), _address(pictures), len(pictures), _address(out))
        return out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`run` for n x 3 x H x W, like a module."""
        return self._as_module(x, False)

    def forward_averaged(self, x: torch.Tensor) -> torch.Tensor:
        """The same by the averages of the weights."""
        return self._as_module(x, True)

    def _as_module(self, x: torch.Tensor, averaged: bool) -> torch.Tensor:
        rows = x.permute(0, 2, 3, 1).contiguous().numpy()
        return torch.from_numpy(self.run(rows, averaged)).permute(0, 3, 1, 2)

    def learn(self, pictures: np.ndarray, joints: np.ndarray, sigma: float, scale: float) -> float:
        """Fills `gradients`; returns scale · Σ weight·(heatmap − amplitude·exp(−d²/2σ²))², σ in cells."""
        assert joints.shape == (len(pictures), self.heatmap_shape[2], 4)
        pictures = self._seen(pictures)
        self.weights.fold()
        loss = self._library.network_learn(
            self._handle, self._folded(), _address(pictures), _address(joints), len(pictures), sigma, scale,
            _address(self.gradients),
        )  # fmt: skip
        return float(loss)

    def follow(self, pictures: np.ndarray, heatmaps: np.ndarray, scale: float, weight: np.ndarray | None = None) -> float:
        """Fills `gradients`; returns scale · Σ weight·(heatmap − wanted)², `heatmaps` being those wanted; `weight` 1 if None."""
        assert heatmaps.shape == (len(pictures), *self.heatmap_shape) and (weight is None or weight.shape == heatmaps.shape)
        pictures = self._seen(pictures)
        self.weights.fold()
        loss = self._library.network_follow(
            self._handle, self._folded(), _address(pictures), _address(heatmaps),
            _address(weight) if weight is not None else None, len(pictures), scale, _address(self.gradients),
        )  # fmt: skip
        return float(loss)

    def write(self, net: LiteHRNet) -> None:
        """Puts the averaged weights into `net`."""
        self.weights.write(net, self.recorded)
