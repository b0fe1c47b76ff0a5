"""All weights of a recording as flat vectors: folding, gradients, steps, averages.

In: a [`Recording`] and the gradients of its folded weights. Out: folded weights. Batch norms keep their statistics μ and σ², and
γ and β are learnt: w' = w·γ/√(σ²+ε), b' = β − μ·γ/√(σ²+ε). Those of a quantised network are rounded as [`WeightRounder`] does it;
their gradients are those of the rounded ones.

Matrices move by Muon, all else by AdamW, at the same rates as in optimiser.py, and those of one shape together.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn as nn
from torch import Tensor

from posed_models.int8.rounding import float_weight, reach, rounds_weight
from posed_models.training.native.record import Layer, Recording
from posed_models.training.optimiser import ADAMW_RMS, orthogonal

BETAS, EPSILON = (0.9, 0.999), 1e-8
MOMENTUM = 0.95
_KEPT = ("w", "gamma", "beta", "mu", "inverse_sigma")


def _orders(layer: Layer) -> tuple[Tensor, Tensor]:
    """For the numbers of one convolution: which of them stand in the turned weights, and which of the gradient's are theirs."""
    shape, n = layer.conv.weight.shape, layer.conv.weight.numel()
    i = torch.arange(n)
    own = i.view(shape)
    if layer.kind == "depthwise":  # both are 9 x channels
        turned = own.flatten(1).t().flatten()
        return turned, torch.empty_like(i).scatter_(0, turned, i)
    if layer.kind == "stem":  # a picture's columns are rows x columns x inputs
        gradient = own.permute(0, 2, 3, 1).flatten()
        return own.permute(2, 3, 1, 0).flatten(), torch.empty_like(i).scatter_(0, gradient, i)
    return own.flatten(1).t().flatten(), i


class FlatWeights:
    """The weights `w`, batch norms' `gamma` and `beta` (or a bias), and their averages over the steps."""

    def __init__(self, r: Recording, weight_decay: float) -> None:
        self.layers, self.weight_decay, self.steps = r.layers, weight_decay, 0
        self._rounds = rounds_weight(r.layers[0].conv)
        n, m = r.weights, r.biases
        self.w, self.gamma, self.beta = torch.zeros(n), torch.ones(m), torch.zeros(m)
        self.mu, self.inverse_sigma, self._normed = torch.zeros(m), torch.ones(m), torch.zeros(m, dtype=torch.bool)
        self._channel, self._turned, self._own = torch.zeros(n, dtype=torch.long), torch.arange(n), torch.arange(n)
        starts: list[int] = []
        channels: list[int] = []
        single = torch.zeros(n, dtype=torch.bool)
        shapes: dict[tuple[int, int], list[int]] = {}
        for layer in r.layers:
            at, b, shape = layer.weight, layer.bias, layer.conv.weight.shape
            count, outputs = layer.conv.weight.numel(), shape[0]
            each = count // outputs
            here, there = slice(at, at + count), slice(b, b + outputs)
            turned, own = _orders(layer)
            self._channel[here] = b + torch.arange(count) // each
            self._turned[here], self._own[here] = at + turned, at + own
            self._normed[there] = layer.bn is not None
            starts += range(at, at + count, each)
            channels += range(b, b + outputs)
            if shape[1] > 1 and outputs > 1:
                shapes.setdefault((outputs, each), []).append(at)
            else:
                single[here] = True
        self._starts, self._channels, self._single = np.array(starts), torch.tensor(channels), single.nonzero().flatten()
        self._matrices = list(shapes.items())
        self._momenta = [torch.zeros(len(v), *k) for k, v in self._matrices]
        sizes = (len(self._single), m, m)
        self._means, self._squares = [torch.zeros(s) for s in sizes], [torch.zeros(s) for s in sizes]
        self.plain, self.turned, self.bias = torch.zeros(n), torch.zeros(n), torch.zeros(m)
        self._read()
        self._averages = [v.clone() for v in (self.w, self.gamma, self.beta)]

    def _read(self) -> None:
        for layer in self.layers:
            at, there = layer.weight, slice(layer.bias, layer.bias + layer.conv.out_channels)
            weight = float_weight(layer.conv)
            self.w[at : at + weight.numel()] = weight.flatten()
            bn = layer.bn
            if bn is None:
                assert layer.conv.bias is not None
                self.beta[there] = layer.conv.bias.detach()
                continue
            assert bn.running_mean is not None and bn.running_var is not None
            self.gamma[there], self.beta[there] = bn.weight.detach(), bn.bias.detach()
            self.mu[there], self.inverse_sigma[there] = bn.running_mean, (bn.running_var + bn.eps).rsqrt()

    @torch.no_grad()
    def write(self, net: nn.Module, recorded: nn.Module) -> None:
        """Puts the averages into `net`, of the same kind as the `recorded` one."""
        names = {id(m): name for name, m in recorded.named_modules()}
        w, gamma, beta = self._averages
        for layer in self.layers:
            conv, there = net.get_submodule(names[id(layer.conv)]), slice(layer.bias, layer.bias + layer.conv.out_channels)
            assert isinstance(conv, nn.Conv2d)
            weight = float_weight(conv)
            weight.copy_(w[layer.weight : layer.weight + weight.numel()].view(weight.shape))
            if layer.bn is None:
                assert conv.bias is not None
                conv.bias.copy_(beta[there])
            else:
                bn = net.get_submodule(names[id(layer.bn)])
                assert isinstance(bn, nn.BatchNorm2d)
                bn.weight.copy_(gamma[there])
                bn.bias.copy_(beta[there])

    def fold(self, averaged: bool = False) -> None:
        """Makes `plain`, `turned` and `bias` of the weights, or of their averages."""
        w, gamma, beta = self._averages if averaged else (self.w, self.gamma, self.beta)
        self._scale = torch.where(self._normed, gamma * self.inverse_sigma, 1.0)
        torch.mul(self._rounded(w) if self._rounds else w, self._scale[self._channel], out=self.plain)
        torch.index_select(self.plain, 0, self._turned, out=self.turned)
        self.bias.copy_(torch.where(self._normed, beta - self.mu * self._scale, beta))

    def _rounded(self, w: Tensor) -> Tensor:
        """Each output's weights to whole steps of a 127th of their reach."""
        reaches = torch.zeros_like(self.beta)
        for layer in self.layers:
            weight = layer.conv.weight
            there = slice(layer.bias, layer.bias + len(weight))
            reaches[there] = reach(w[layer.weight : layer.weight + weight.numel()].view(weight.shape))
        step = (reaches / 127)[self._channel]
        return (w * (1 / step)).round_().clamp_(-128, 127).mul_(step)

    def gradients(self, folded: Tensor) -> list[Tensor]:
        """Of w, gamma and beta, from those of the folded weights and biases, one behind the other, after `fold()`."""
        g, d_beta = torch.index_select(folded, 0, self._own), folded[len(self.w) :]
        sums = torch.zeros_like(d_beta)
        sums[self._channels] = torch.from_numpy(np.add.reduceat((g * self.w).numpy(), self._starts))
        d_gamma = torch.where(self._normed, (sums - self.mu * d_beta) * self.inverse_sigma, 0.0)
        return [g * self._scale[self._channel], d_gamma, d_beta]

    def step(self, folded: Tensor, lr: float, longest: float) -> float:
        """One step along the folded gradients, their norm clipped to `longest`; returns the norm."""
        grads = self.gradients(folded)
        norm = math.sqrt(sum(float(g.square().sum()) for g in grads))
        d_w, d_gamma, d_beta = (g * min(1.0, longest / (norm + 1e-6)) for g in grads)
        self.steps += 1
        single = self.w[self._single] * (1 - lr * self.weight_decay)
        for k, (p, g) in enumerate(((single, d_w[self._single]), (self.gamma, d_gamma), (self.beta, d_beta))):
            mean, square = (
                self._means[k].lerp_(g, 1 - BETAS[0]),
                self._squares[k].mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1]),
            )
            corrected = (square / (1 - BETAS[1] ** self.steps)).sqrt_().add_(EPSILON)
            p.addcdiv_(mean, corrected, value=-lr / (1 - BETAS[0] ** self.steps))
        self.w[self._single] = single
        for (shape, places), momentum in zip(self._matrices, self._momenta, strict=True):
            count = shape[0] * shape[1]
            g = torch.stack([d_w[at : at + count].view(shape) for at in places])
            momentum.lerp_(g, 1 - MOMENTUM)
            update = orthogonal(g.lerp_(momentum, MOMENTUM)).flatten(1)
            size = ADAMW_RMS * math.sqrt(max(shape))
            for at, u in zip(places, update, strict=True):
                self.w[at : at + count].mul_(1 - lr * self.weight_decay).sub_(u, alpha=lr * size)
        return norm

    def average(self, kept: float) -> None:
        """Moves the averages towards the weights, by a share of 1 − `kept`."""
        for mean, now in zip(self._averages, (self.w, self.gamma, self.beta), strict=True):
            mean.lerp_(now, 1 - kept)

    def state(self) -> dict[str, Any]:
        """All that going on needs."""
        lists = {"averages": self._averages, "means": self._means, "squares": self._squares, "momenta": self._momenta}
        return {**{k: getattr(self, k) for k in _KEPT}, **lists, "steps": self.steps}

    def load(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        for name in _KEPT:
            getattr(self, name).copy_(state[name])
        self._averages, self._momenta = list(state["averages"]), list(state["momenta"])
        self._means, self._squares, self.steps = list(state["means"]), list(state["squares"]), state["steps"]
