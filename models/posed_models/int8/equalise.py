"""Channels of one tensor brought to like ranges, so that one int8 scale can serve them all.

In: a folded network and some images. Out: the same function, other weights. After Nagel et al., Data-Free Quantization
Through Weight Equalization and Bias Correction, ICCV 2019, section 4.1, with measured activation ranges in place of guessed
ones.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn as nn
from torch import Tensor

from posed_models.nets.blocks import ConvBN, DepthwiseSeparable, Separable, ShuffleUnit, Stem
from posed_models.nets.lite_hrnet import LiteHRNet

MOST = 64.0
"""The largest factor by which a channel is scaled."""
QUANTILE = 0.9995
"""Of |activation|: what counts as a channel's range."""
QUIET = 16.0
"""A channel that hardly answers to these images counts as having this part of the median range. Enlarged to the full scale it
would burst that scale on the first image it does answer to."""


def _pairs(net: LiteHRNet) -> list[tuple[nn.Conv2d, nn.Conv2d, nn.Module]]:
    """First convolution, second one, and the module whose output lies between: nothing or a ReLU may stand there."""
    pairs: list[tuple[nn.Conv2d, nn.Conv2d, nn.Module]] = []

    def between(first: nn.Module, second: nn.Module) -> None:
        assert isinstance(first, ConvBN) and isinstance(second, ConvBN)
        pairs.append((first.conv, second.conv, first))

    for m in net.modules():
        if isinstance(m, Separable):
            first, second = m[0], m[2]
            assert isinstance(first, nn.Conv2d) and isinstance(second, nn.Conv2d)
            pairs.append((first, second, m[1]))
        elif isinstance(m, ShuffleUnit):
            a, d, b = m.branch2
            between(a, d)
            between(d, b)
        elif isinstance(m, DepthwiseSeparable):
            between(m.depthwise_conv, m.pointwise_conv)
        elif isinstance(m, Stem):
            between(m.branch1[0], m.branch1[1])
            between(m.expand_conv, m.depthwise_conv)
            between(m.depthwise_conv, m.linear_conv)
    return pairs


def _ranges(net: LiteHRNet, watched: list[nn.Module], x: Tensor) -> dict[nn.Module, Tensor]:
    top: dict[nn.Module, Tensor] = {}

    def hook(m: nn.Module, _inputs: Any, o: Tensor) -> None:
        ranges = o.abs().transpose(0, 1).flatten(1).float().quantile(QUANTILE, 1)
        answering = ranges[ranges > 1e-4]
        least = float(answering.median()) / QUIET if len(answering) else 1.0
        top[m] = ranges.clamp(min=max(least, 1e-4))

    hooks = [m.register_forward_hook(hook) for m in watched]
    net(x)
    for h in hooks:
        h.remove()
    return top


def _factor(s: Tensor) -> Tensor:
    """Around 1 in the geometric mean, and bounded."""
    return (s / s.log().mean().exp()).clamp(1 / MOST, MOST)


@torch.no_grad()
def equalise(net: LiteHRNet, x: Tensor) -> int:
    """Divides channel c of each first convolution by s_c and multiplies the second's weights for it by s_c, in place.

    s_c = √(range of the activation / largest weight that reads it) before a dense convolution, the range itself before a
    depthwise one (whose own scale is per channel anyway). Returns the number of tensors. `x`: images, the more the better the
    ranges.
    """
    pairs = _pairs(net)
    stems = [m for m in net.modules() if isinstance(m, Stem)]
    top = _ranges(net, [p[2] for p in pairs] + [m.conv1 for m in stems], x)
    for m in stems:  # conv1 feeds a depthwise convolution with its first half, a pointwise one with its second
        s, half = _factor(top[m.conv1]), m.expand_conv.conv.in_channels
        m.conv1.conv.weight.div_(s.view(-1, 1, 1, 1))
        depthwise = m.branch1[0]
        assert m.conv1.conv.bias is not None and isinstance(depthwise, ConvBN)
        m.conv1.conv.bias.div_(s)
        depthwise.conv.weight.mul_(s[:half].view(-1, 1, 1, 1))
        m.expand_conv.conv.weight.mul_(s[half:].view(1, -1, 1, 1))
    for first, second, between in pairs:
        act, dense = top[between], second.groups == 1
        w = second.weight.abs().amax((0, 2, 3) if dense else (1, 2, 3))
        s = _factor((act / w.clamp(min=1e-4)).sqrt() if dense else act)
        first.weight.div_(s.view(-1, 1, 1, 1))
        if first.bias is not None:
            first.bias.div_(s)
        second.weight.mul_(s.view(1, -1, 1, 1) if dense else s.view(-1, 1, 1, 1))
    return len(pairs) + len(stems)
