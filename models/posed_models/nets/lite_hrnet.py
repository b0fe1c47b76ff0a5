"""Every network of the paper: backbones and what they are called. Heads belong to tasks (tasks/).

In: N x 3 x H x W, RGB, normalised with ImageNet's mean and deviation; H and W multiples of 32. Out: N x joints (or classes) x
H/4 x W/4. Source: Yu et al., Lite-HRNet, CVPR 2021, tables 1 and 2, section 4.3 (segmentation).

The official fuse loop adds in place to an alias of branch 0: y0 = 2·x0 + …; later rows read that y0 before its ReLU, and count
their first term twice. Trained weights depend on it, so it is kept here on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from posed_models.errors import PosedModelsError
from posed_models.nets.blocks import (
    ConditionalChannelWeighting,
    DepthwiseSeparable,
    NaiveLayers,
    Points,
    Separable,
    Stem,
)


@dataclass(frozen=True)
class Arch:
    """One row of the paper's table 1: channels of the four branches, modules of the three stages, kind of block."""

    title: str
    channels: tuple[int, ...]
    modules: tuple[int, int, int]
    lite: bool


ARCHS = {
    "lite18": Arch("Lite-HRNet-18", (40, 80, 160, 320), (2, 4, 2), True),
    "lite30": Arch("Lite-HRNet-30", (40, 80, 160, 320), (3, 8, 3), True),
    "naive18": Arch("Naive Lite-HRNet-18", (30, 60, 120, 240), (2, 4, 2), False),
    "wider18": Arch("Wider Naive Lite-HRNet-18", (40, 80, 160, 320), (2, 4, 2), False),
}


class LiteHRModule(nn.Module, Points):
    """Two blocks on every branch, then the exchange between branches. Points: sum0 (row 0 before its ReLU), out0, out1, …"""

    def __init__(self, channels: Sequence[int], lite: bool, blocks: int = 2) -> None:
        super().__init__()
        self.layers: nn.Module = (
            nn.Sequential(*[ConditionalChannelWeighting(channels) for _ in range(blocks)])
            if lite
            else NaiveLayers(channels, blocks)
        )
        n = len(channels)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self._path(channels, i, j) for j in range(n))  # type: ignore[misc]
            for i in range(n)
        )

    @staticmethod
    def _path(c: Sequence[int], i: int, j: int) -> nn.Module | None:
        """From branch j to branch i: 1x1 and nearest up, or a chain of strided separable convolutions down."""
        if i == j:
            return None
        if j > i:
            up = nn.Upsample(scale_factor=2 ** (j - i), mode="nearest")
            return nn.Sequential(nn.Conv2d(c[j], c[i], 1, bias=False), nn.BatchNorm2d(c[i]), up)
        last = i - j - 1
        return nn.Sequential(*[Separable(c[j], c[i] if k == last else c[j], 2, k != last) for k in range(i - j)])

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        o = list(self.layers(xs))
        out = []
        for i, row in enumerate(self.fuse_layers):
            assert isinstance(row, nn.ModuleList)
            y = o[0] if i == 0 else row[0](o[0])
            y = y + y  # the official alias, see the module's doc
            for j in range(1, len(o)):
                y = y + (o[j] if i == j else row[j](o[j]))
            if i == 0:
                o[0] = self.point("sum0", y)
            out.append(self.point(f"out{i}", F.relu(y)))
        return out


class IterativeHead(nn.Module, Points):
    """From the coarsest branch to the finest, adding bilinearly enlarged results. Points: sum1, sum2, …

    Gives the results of all branches, finest first: channels c0, c0, c1, c2 for branches of c0 … c3.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        c = list(channels)[::-1]
        self.projects = nn.ModuleList(DepthwiseSeparable(c[i], c[min(i + 1, len(c) - 1)]) for i in range(len(c)))

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        out: list[Tensor] = []
        for i, (x, project) in enumerate(zip(xs[::-1], self.projects, strict=True)):
            if out:
                size = [int(v) for v in x.shape[-2:]]
                x = x + F.interpolate(out[-1], size=size, mode="bilinear", align_corners=True)
                x = self.point(f"sum{i}", x)
            out.append(project(x))
        return out[::-1]


class Backbone(nn.Module):
    """Stem, three stages of 2, 3 and 4 branches, and the iterative head."""

    def __init__(self, arch: str) -> None:
        super().__init__()
        spec = ARCHS[arch]
        before: tuple[int, ...] = (32,)
        self.stem = Stem()
        self.stages = len(spec.modules)
        for s, count in enumerate(spec.modules):
            now = spec.channels[: s + 2]
            step: list[nn.Module | None] = []
            for b, c in enumerate(now):
                if b < len(before):
                    step.append(None if c == before[b] else Separable(before[b], c, 1, True))
                else:
                    step.append(nn.Sequential(Separable(before[-1], c, 2, True)))
            setattr(self, f"transition{s}", nn.ModuleList(step))  # type: ignore[arg-type]
            setattr(self, f"stage{s}", nn.Sequential(*[LiteHRModule(now, spec.lite) for _ in range(count)]))
            before = now
        self.head_layer = IterativeHead(before)

    def forward(self, x: Tensor) -> list[Tensor]:
        ys = [self.stem(x)]
        for s in range(self.stages):
            step = getattr(self, f"transition{s}")
            ys = [ys[b] if t is None else t(ys[min(b, len(ys) - 1)]) for b, t in enumerate(step)]
            ys = getattr(self, f"stage{s}")(ys)
        return self.head_layer(ys)


class Head(nn.Module, Points):
    """What turns the backbone's results into what a task wants. `forward` takes the results of all branches, finest first."""

    rounds: tuple[str, ...] = ()
    """Its points that one scale for the whole tensor serves."""

    @property
    def last(self) -> nn.Conv2d:
        """The convolution that gives the network's output, one channel each joint or class."""
        raise NotImplementedError


class LiteHRNet(nn.Module):
    """Backbone and head; official names `backbone.…`, and the head's by `name`: `keypoint_head.…`, `decode_head.…`.

    `output`: what the network's result is called in an exported graph.
    """

    def __init__(self, arch: str, head: Callable[[], Head], name: str, output: str) -> None:
        super().__init__()
        self.arch, self.head_name, self.output = arch, name, output
        self.backbone = Backbone(arch)
        self.add_module(name, head())

    @property
    def head(self) -> Head:
        """The head, whatever its name."""
        head = getattr(self, self.head_name)
        assert isinstance(head, Head)
        return head

    @property
    def outputs(self) -> int:
        """Number of joints or classes."""
        return self.head.last.out_channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(self.backbone(x))
        return y


@torch.no_grad()
def enliven(net: LiteHRNet, height: int, width: int) -> None:
    """Makes random weights answer differently to different pictures: batch norms fitted to noise, outputs around 0."""
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            m.momentum = None  # the plain mean of the batches seen
    x = torch.randn(2, 3, height, width)
    net.train()(x)
    last = net.head.last
    assert last.bias is not None
    last.bias.sub_(net.eval()(x).mean((0, 2, 3)))


def check_size(height: int, width: int) -> None:
    """The five halvings of the network want multiples of 32."""
    if height % 32 or width % 32 or height < 64 or width < 64:
        raise PosedModelsError(f"input {width}x{height}: both sides must be multiples of 32, at least 64")
