"""Parameters and FLOPs of a network, counted as the paper's tables are.

In: a network and an input size. Out: parameters, and FLOPs in units of 2^20.

The paper's numbers come from the official repository's tools/summary_network.py, which uses torchstat. Its conventions: a
multiply-add counts once; batch norm counts two operations an element, ReLU one; pooling h x w to one cell counts
(h + 1)·(w + 1) a channel (torchstat's window has one row and one column too many); a module that runs several times counts its
last run only (the fuse ReLU); an upsampling counts its area once, whatever the channels; gates, sums, sigmoids and functional
calls count nothing; "M" is 2^20. So counted, every network gives the tables' digits.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor

from posed_models.nets.blocks import SpatialWeighting
from posed_models.nets.lite_hrnet import LiteHRModule, LiteHRNet, check_size


@dataclass(frozen=True)
class Complexity:
    """`parameters`: trainable values. `flops`: as the paper counts. `macs`: multiply-adds of the convolutions alone."""

    parameters: int
    flops: int
    macs: int

    @property
    def mflops(self) -> float:
        """FLOPs as the paper prints them, in 2^20."""
        return self.flops / 2**20


def _cost(module: nn.Module, x: Any, y: Any) -> int:
    """Operations of one run of `module` by torchstat's conventions."""
    if isinstance(module, nn.Conv2d):
        return y.numel() // y.shape[1] * (module.weight.numel() + (y.shape[1] if module.bias is not None else 0))
    if isinstance(module, nn.BatchNorm2d):
        return 2 * x.numel()
    if isinstance(module, nn.ReLU):
        return x.numel()
    if isinstance(module, SpatialWeighting):  # its average pooling
        return x.shape[1] * (x.shape[2] + 1) * (x.shape[3] + 1)
    if isinstance(module, nn.Upsample):
        return y[0, 0].numel()
    if isinstance(module, LiteHRModule):  # its ReLU, the last of its runs
        return y[-1].numel()
    return 0


@torch.no_grad()
def complexity(net: LiteHRNet, height: int, width: int) -> Complexity:
    """Counts one image of `height` x `width`. `net` must still have its batch norms. Nothing is computed: shapes suffice."""
    check_size(height, width)
    net = copy.deepcopy(net).to("meta").eval()
    flops: dict[nn.Module, int] = {}
    macs: dict[nn.Module, int] = {}

    def watch(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        flops[module] = _cost(module, inputs[0], output)
        if isinstance(module, nn.Conv2d):
            assert isinstance(output, Tensor)
            macs[module] = output.numel() // output.shape[1] * module.weight.numel()

    for module in net.modules():
        module.register_forward_hook(watch)
    net(torch.zeros(1, 3, height, width, device="meta"))
    parameters = sum(p.numel() for p in net.parameters())
    return Complexity(parameters, sum(flops.values()), sum(macs.values()))
