"""What moves the weights: AdamW, or Muon for the matrices and AdamW for the rest.

In: a network with gradients. Out: the network, one step on.
Sources: Loshchilov and Hutter, Decoupled Weight Decay Regularization, 2019; Jordan et al., Muon, 2024, scaled to AdamW's size of
step as in Liu et al., Muon is Scalable for LLM Training, 2025, section 2.2.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor

KINDS = ("adamw", "muon")

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the Newton-Schulz quintic, Jordan et al."""
ADAMW_RMS = 0.2
"""The root mean square of AdamW's step at a rate of 1."""


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest matrix with singular values near 1 (0.7 to 1.2), by five Newton-Schulz steps; [n x] rows x columns."""
    a, b, c = _COEFFICIENTS
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal; for convolution weights O x I x k x k with I over 1, seen as O x I·k·k."""

    def __init__(self, params: list[nn.Parameter], lr: float, weight_decay: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step along the gradients."""
        assert closure is None
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                mean = self.state[p].setdefault("momentum", torch.zeros_like(p))
                mean.lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(p.grad.lerp(mean, group["momentum"]).flatten(1))
                size = ADAMW_RMS * math.sqrt(max(update.shape))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.reshape(p.shape), alpha=-group["lr"] * size)


class Optimiser:
    """All the optimisers of a network as one."""

    def __init__(self, kind: str, net: nn.Module, lr: float, weight_decay: float) -> None:
        own = [p for p in net.parameters() if kind == "muon" and p.ndim == 4 and p.shape[1] > 1 and p.shape[0] > 1]
        ids = {id(p) for p in own}
        rest = [p for p in net.parameters() if id(p) not in ids]
        groups = [
            {"params": [p for p in rest if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in rest if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.all: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=lr)]
        if own:
            self.all.append(Muon(own, lr, weight_decay))

    def step(self, lr: float) -> None:
        """One step at the rate `lr`."""
        for optimiser in self.all:
            for group in optimiser.param_groups:
                group["lr"] = lr
            optimiser.step()

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        for optimiser in self.all:
            optimiser.zero_grad(set_to_none=True)

    def state(self) -> list[dict[str, Any]]:
        """All that going on needs."""
        return [o.state_dict() for o in self.all]

    def load(self, state: list[dict[str, Any]]) -> None:
        """Takes back what `state` gave; of another kind of optimiser it cannot."""
        for optimiser, s in zip(self.all, state, strict=True):
            optimiser.load_state_dict(s)
