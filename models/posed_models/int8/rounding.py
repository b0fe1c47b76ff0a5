"""int8 rounding inside a float network.

In: a folded network. Out: [`Quantised`], the same with fake quantisers at its rounding points: weights per channel, symmetric;
activations asymmetric, zero exactly representable. The points are chosen so that an engine can stay in integers and nothing is
rounded twice; posed's engine recognises exactly these:

- the halves of a shuffle block share one scale with the block's input, so split, concat and shuffle only move bytes;
- a fuse sum or a head sum is added up exactly and rounded once, after its ReLU; row 0 is also rounded before its ReLU,
  because the other rows read it there;
- what only depthwise convolutions read (the stem's result, row 0 before its ReLU, the head's sums) has one scale a channel, which
  costs a depthwise kernel nothing: their channels differ in range by a factor of 300;
- sigmoid gates live on [0, 1], the image on its known range; heatmaps and logits are not rounded.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor
from torch.nn.utils import parametrize

from posed_models.data.imagenet import MEAN, STD
from posed_models.nets.blocks import (
    ConditionalChannelWeighting,
    ConvBN,
    CrossResolutionWeighting,
    NaiveLayers,
    Separable,
    ShuffleUnit,
    SpatialWeighting,
)
from posed_models.nets.lite_hrnet import Head, IterativeHead, LiteHRModule, LiteHRNet

SMALLEST_CLIP = 0.12
"""The search for the best clip goes from the whole range down to this share of it."""


CLIPS_AT_ONCE = 7


def _steps(lo: Tensor, hi: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and zero point of ranges, widened so that 0 lies inside."""
    lo, hi = lo.clamp(max=0.0), hi.clamp(min=0.0)
    scale = ((hi - lo) / 255).clamp(min=1e-6)
    return scale, (-128 - lo / scale).round().clamp(-128, 127)


class Rounder(nn.Module):
    """Fake int8 rounding of one tensor: x ↦ s·(clip(round(x/s) + z, −128, 127) − z).

    Mode `watch` gathers values and changes nothing, `round` rounds, `off` passes through. `settle` picks the range of least
    squared error on what was gathered. `channels`: one scale for each channel.
    """

    scale: Tensor
    zero: Tensor

    def __init__(self, lo: float | None = None, hi: float | None = None, channels: bool = False) -> None:
        super().__init__()
        self.fixed, self.channels = lo is not None, channels
        self.seen: list[Tensor] = []
        self.mode = "round" if self.fixed else "watch"
        self.probe: list[Tensor] | None = None
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("zero", torch.zeros(1, dtype=torch.int32))
        if lo is not None and hi is not None:
            self.set_range(torch.tensor([lo]), torch.tensor([hi]))

    def set_range(self, lo: Tensor, hi: Tensor) -> None:
        """One value each, or one a channel; widened so that 0 lies inside."""
        self.scale, zero = _steps(lo, hi)
        self.zero = zero.to(torch.int32)

    @torch.no_grad()
    def settle(self) -> None:
        """Ends watching: tries 84 clips of the seen range and keeps the best."""
        if self.fixed or not self.seen:
            return
        v = torch.cat(self.seen, 1)  # channels (or 1) x values
        self.seen = []
        lo, hi = v.amin(1), v.amax(1)
        k = torch.as_tensor(np.geomspace(1, SMALLEST_CLIP, 28), dtype=v.dtype, device=v.device)[:, None]
        whole = torch.ones_like(k)
        lows, highs = lo * torch.cat([k, whole, k]), hi * torch.cat([k, k, whole])
        errors = []
        for a, b in zip(lows.split(CLIPS_AT_ONCE), highs.split(CLIPS_AT_ONCE), strict=True):
            scale, zero = (t[..., None] for t in _steps(a, b))
            rounded = (v * (1 / scale)).round_().clamp_(-128 - zero, 127 - zero).mul_(scale)
            errors.append(rounded.sub_(v).square_().mean(2))
        best = torch.cat(errors).argmin(0, keepdim=True)
        self.set_range(lows.gather(0, best)[0], highs.gather(0, best)[0])
        self.mode = "round"

    def round(self, x: Tensor) -> Tensor:
        """x: N x C x H x W, or C = 1 on any shape."""
        if self.channels:
            return torch.fake_quantize_per_channel_affine(x, self.scale, self.zero, 1, -128, 127)
        return torch.fake_quantize_per_tensor_affine(x, self.scale[0], self.zero[0], -128, 127)

    def forward(self, x: Tensor) -> Tensor:
        if self.probe is not None:
            self.probe.append(x)
        if self.mode == "watch":
            f = x.detach().transpose(0, 1).flatten(1) if self.channels else x.detach().reshape(1, -1)
            m = 2000 if self.channels else 20000
            self.seen.append(f[:, torch.randint(f.shape[1], (m,), device=f.device)] if f.shape[1] > m else f)
            self.seen.append(torch.stack([f.amin(1), f.amax(1)], 1))
            return x
        return self.round(x) if self.mode == "round" else x


MOST_OF_A_CHAIN = 253
"""Products of int8 fit in int16 as long as their weights' amounts sum up to 255: 255 · 128 = 32640. Four weights may each be
rounded up by half."""


@functools.cache
def chains(inputs: int, height: int, width: int) -> Tensor:
    """Which weights of one output meet in one int16 sum of posed's kernels for ARM without the dot product: chains x 4 places in
    the flat weight; places past its end stand for nothing.

    Depthwise: a row of the kernel. Else the inputs, taps first, are cut in eights, these in fours from the end; lane by lane a
    four is a chain.
    """
    k = inputs * height * width
    if inputs == 1:
        rows = torch.arange(k).view(height, width)[:, : min(width, 4)]
        return torch.nn.functional.pad(rows, (0, 4 - rows.shape[1]), value=k)
    places = torch.arange(k).view(inputs, height * width).T.flatten()
    before, behind = -math.ceil(k / 8) * 8 % 32, -k % 8
    padded = torch.nn.functional.pad(places, (before, behind), value=k)
    return padded.view(-1, 4, 8).transpose(1, 2).flatten(0, 1)


def reach(w: Tensor) -> Tensor:
    """What 127 steps of each output's weights must reach: the largest, or so much that no chain leaves int16."""
    amounts = w.detach().abs().flatten(1)
    sums = torch.nn.functional.pad(amounts, (0, 1))[:, chains(*w.shape[1:])].sum(2)
    return torch.maximum(amounts.amax(1), sums.amax(1) * (127 / MOST_OF_A_CHAIN)).clamp(min=1e-8)


class WeightRounder(nn.Module):
    """int8 rounding of a convolution's weight, symmetric, scale reach(w)/127 for each output channel.

    `on`: does it round at all.
    """

    on = True

    def forward(self, w: Tensor) -> Tensor:
        if not self.on:
            return w
        s = reach(w) / 127
        return torch.fake_quantize_per_channel_affine(w, s, torch.zeros_like(s, dtype=torch.int32), 0, -128, 127)


def _filled(module: nn.Module) -> dict[str, Rounder]:
    """The rounders at a block's points."""
    found: dict[str, Rounder] = module.__dict__.setdefault("quant", {})
    return found


class Quantised(nn.Module):
    """A folded net with its rounding points filled. `points`: their names, one rounder may stand at several."""

    def __init__(self, net: LiteHRNet) -> None:
        super().__init__()
        self.net = net
        self._made: list[Rounder] = []
        lo, hi = (-MEAN / STD).min(), ((1 - MEAN) / STD).max()
        self.image = self._new(float(lo), float(hi))
        for m in net.modules():
            self._fill_block(m)
        stem = net.backbone.stem
        for m in (stem.branch1[1], stem.linear_conv):  # rounded once, after the shuffle
            del _filled(m)["out"]
        self._put(stem, "out", self._new(channels=True))
        self._share_trunks()
        for m in net.modules():
            if isinstance(m, nn.Conv2d):
                parametrize.register_parametrization(m, "weight", WeightRounder())
        self.points: dict[str, Rounder] = {"image": self.image}
        for name, m in net.named_modules():
            for point, rounder in m.__dict__.get("quant", {}).items():
                self.points[f"{name}.{point}"] = rounder
        used = {id(r) for r in self.points.values()}
        self.rounders = nn.ModuleList(r for r in self._made if id(r) in used)

    def _fill_block(self, m: nn.Module) -> None:
        if isinstance(m, ConvBN):
            gate = isinstance(m.act, nn.Sigmoid)
            self._put(m, "out", self._new(0.0, 1.0) if gate else self._new())
        elif isinstance(m, Separable):
            self._put(m, "mid", self._new())
            if isinstance(m[-1], nn.ReLU):
                self._put(m, "out", self._new())
        elif isinstance(m, SpatialWeighting):
            self._put(m, "pool", self._new())
        elif isinstance(m, CrossResolutionWeighting):
            self._put(m, "pool", self._new())
            for i in range(len(m.channels)):
                self._put(m, f"out{i}", self._new())
        elif isinstance(m, LiteHRModule):
            self._put(m, "sum0", self._new(channels=True))
            for i in range(len(m.fuse_layers)):
                self._put(m, f"out{i}", self._new())
        elif isinstance(m, IterativeHead):
            for i in range(1, len(m.projects)):
                self._put(m, f"sum{i}", self._new(channels=True))
        elif isinstance(m, Head):
            for point in m.rounds:
                self._put(m, point, self._new())

    def _share_trunks(self) -> None:
        """Gives the worked half of every block the scale of the block's input, branch by branch, stage after stage."""
        b = self.net.backbone
        trunk = [_filled(b.stem)["out"]]
        for s in range(b.stages):
            now: list[Rounder] = []
            for i, t in enumerate(getattr(b, f"transition{s}")):
                last = t[-1] if t is not None and not isinstance(t, Separable) else t
                now.append(trunk[i] if t is None else _filled(last)["out"])  # type: ignore[arg-type]
            for module in getattr(b, f"stage{s}"):
                assert isinstance(module, LiteHRModule)
                for i, rounder in enumerate(now):
                    if isinstance(module.layers, nn.Sequential):  # conditional channel weighting
                        for block in module.layers:
                            assert isinstance(block, ConditionalChannelWeighting)
                            self._put(block.spatial_weighting[i], "out", rounder)
                    else:
                        assert isinstance(module.layers, NaiveLayers)
                        for unit in module.layers[i].children():
                            assert isinstance(unit, ShuffleUnit)
                            self._put(unit.branch2[-1], "out", rounder)
                now = [_filled(module)[f"out{i}"] for i in range(len(now))]
            trunk = now

    def _new(self, lo: float | None = None, hi: float | None = None, channels: bool = False) -> Rounder:
        rounder = Rounder(lo, hi, channels)
        self._made.append(rounder)
        return rounder

    @staticmethod
    def _put(module: nn.Module, name: str, rounder: Rounder) -> None:
        _filled(module)[name] = rounder

    def set_rounding(self, on: bool) -> None:
        """Without rounding this is the float network again, with the weights as they are now."""
        for rounder in self.points.values():
            rounder.mode = "round" if on else "off"
        for m in self.net.modules():
            if isinstance(m, WeightRounder):
                m.on = on

    def forward(self, x: Tensor) -> Tensor:
        return self.net(self.image(x))


def rounds_weight(conv: nn.Module) -> bool:
    """Has it a [`WeightRounder`]?"""
    return parametrize.is_parametrized(conv, "weight")


def float_weight(conv: nn.Module) -> Tensor:
    """The weight of a convolution, before rounding if it is rounded; to be written to in place."""
    weight = conv.parametrizations["weight"].original if rounds_weight(conv) else conv.weight  # type: ignore[index,union-attr]
    assert isinstance(weight, Tensor)
    return weight.detach()


def unrounded(quantised: Quantised) -> LiteHRNet:
    """Takes all rounding away again, in place, and gives the float net with the weights as they are."""
    net = quantised.net
    for m in net.modules():
        m.__dict__.pop("quant", None)
        if rounds_weight(m):
            w = float_weight(m)
            parametrize.remove_parametrizations(m, "weight", leave_parametrized=True)
            assert isinstance(m, nn.Conv2d)
            m.weight.data.copy_(w)
    return net
