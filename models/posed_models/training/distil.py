"""What a student takes from its teacher: first weights, then heatmaps and features.

In: a folded teacher in eval mode and a student with batch norms. Out: the student's weights set, and losses.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor

from posed_models.nets.blocks import ConvBN
from posed_models.nets.lite_hrnet import LiteHRNet


def relative_mse(x: Tensor, y: Tensor) -> Tensor:
    """mean((x − y)²) / var(y): 1 for a constant guess, 0 for the truth."""
    return F.mse_loss(x.float(), y.float()) / (y.float().var() + 1e-6)


def pairs(net: nn.Module) -> list[tuple[str, nn.Conv2d, nn.BatchNorm2d | None]]:
    """Every convolution with a batch norm behind it, and those of a [`ConvBN`] without one: name, convolution, batch norm."""
    out: list[tuple[str, nn.Conv2d, nn.BatchNorm2d | None]] = []
    for name, m in net.named_modules():
        if isinstance(m, ConvBN):
            out.append((name + ".conv", m.conv, getattr(m, "bn", None)))
        elif isinstance(m, nn.Sequential):
            k = list(m.named_children())
            for (a, conv), (_, bn) in pairwise(k):
                if isinstance(conv, nn.Conv2d) and isinstance(bn, nn.BatchNorm2d):
                    out.append((f"{name}.{a}", conv, bn))
    return out


@torch.no_grad()
def warm_start(net: LiteHRNet, teacher: LiteHRNet, x: Tensor) -> int:
    """Copies the teacher's folded convolutions where name and shape agree; returns how many.

    Each batch norm behind one starts as "add the teacher's bias": with mean μ and variance σ² of the teacher's output on `x`,
    running mean μ − b, running variance σ², γ = √(σ² + ε), β = μ.
    """
    theirs = dict(teacher.named_modules())
    twins = []
    for name, conv, bn in pairs(net):
        twin = theirs.get(name)
        if isinstance(twin, nn.Conv2d) and twin.weight.shape == conv.weight.shape:
            twins.append((name, conv, bn, twin))
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def watch(name: str) -> Any:
        def hook(_m: nn.Module, _i: Any, o: Tensor) -> None:
            seen[name] = (o.mean((0, 2, 3)), o.var((0, 2, 3)))

        return hook

    hooks = [twin.register_forward_hook(watch(name)) for name, _, _, twin in twins]
    teacher(x)
    for hook in hooks:
        hook.remove()
    for name, conv, bn, twin in twins:
        conv.weight.copy_(twin.weight)
        mean, var = seen[name]
        if bn is not None:
            assert twin.bias is not None and bn.running_mean is not None and bn.running_var is not None
            bn.running_mean.copy_(mean - twin.bias)
            bn.running_var.copy_(var)
            bn.weight.copy_((var + bn.eps).sqrt())
            bn.bias.copy_(mean)
        elif conv.bias is not None and twin.bias is not None:
            conv.bias.copy_(twin.bias)
    last, own = net.head.last, teacher.head.last
    if net.head_name == teacher.head_name and last.weight.shape == own.weight.shape:
        last.load_state_dict(own.state_dict())
    return len(twins)


class StageOutputs:
    """The feature maps at the end of each stage of a network, gathered as it runs."""

    def __init__(self, net: LiteHRNet) -> None:
        self.now: dict[int, list[Tensor]] = {}
        for s in range(net.backbone.stages):
            getattr(net.backbone, f"stage{s}")[-1].register_forward_hook(self._keep(s))

    def _keep(self, stage: int) -> Any:
        def hook(_m: nn.Module, _i: Any, o: list[Tensor]) -> None:
            self.now[stage] = o

        return hook

    def distance(self, teacher: StageOutputs) -> Tensor:
        """Mean relative error over stages and branches; 0 if the widths differ (the naive student)."""
        stages = []
        for s, mine in self.now.items():
            theirs = teacher.now[s]
            if mine[0].shape != theirs[0].shape:
                return mine[0].new_zeros(())
            stages.append(sum(relative_mse(u, v) for u, v in zip(mine, theirs, strict=True)) / len(mine))
        return torch.stack([torch.as_tensor(v) for v in stages]).mean()
