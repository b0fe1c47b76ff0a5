"""Channels that never answer: what reads them is often huge, and bursts float16 as 0 · ∞ on engines that round weights to it.

In: a folded network and some images. Out: the same function on them, without those weights.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn as nn
from torch import Tensor

OUT_OF_SCALE = 8.0
"""How many times as large as the largest weight that reads a living channel. Smaller ones stay: what is silent on some hundred
crops may answer to another, and a weight of usual size does no harm."""


@torch.no_grad()
def silence(net: nn.Module, images: list[Tensor]) -> int:
    """Sets weights to 0 that are out of scale and read a channel that is exactly 0 on all `images`; returns how many channels."""
    most: dict[nn.Conv2d, Tensor] = {}

    def hook(m: nn.Module, inputs: Any, _output: Tensor) -> None:
        assert isinstance(m, nn.Conv2d)
        now = inputs[0].abs().amax((0, 2, 3))
        most[m] = torch.maximum(most[m], now) if m in most else now

    hooks = [m.register_forward_hook(hook) for m in net.modules() if isinstance(m, nn.Conv2d)]
    for x in images:
        net(x)
    for h in hooks:
        h.remove()
    channels = 0
    for conv, top in most.items():
        depthwise = conv.groups > 1
        amounts = conv.weight.abs().amax((1, 2, 3) if depthwise else (0, 2, 3))
        dead = top == 0
        if dead.all():
            continue
        huge = dead & (amounts > OUT_OF_SCALE * amounts[~dead].max())
        conv.weight[huge if depthwise else (slice(None), huge)] = 0
        channels += int(huge.sum())
    return channels
