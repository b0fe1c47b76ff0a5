"""The official Lite-HRNet forward, written a second time from the official code's structure, for tests.

It shares nothing with posed_models: no modules, only a dictionary of tensors by official names, and functions that walk it.
In-place additions are really in place, so that the fuse loop's alias of branch 0 happens by itself.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
import torch.nn.functional as F
from conftest import SHAPES

State = dict[str, torch.Tensor]


def make_state(channels, modules, lite, head, outputs, generator) -> State:
    """Random weights and random batch-norm statistics under every official name."""
    state: State = {}

    def conv(name, cout, cin, k=1, groups=1, bias=False):
        fan = cin // groups * k * k
        state[name + ".weight"] = torch.randn(cout, cin // groups, k, k, generator=generator) * (1.5 / fan) ** 0.5
        if bias:
            state[name + ".bias"] = torch.randn(cout, generator=generator) * 0.1

    def norm(name, c):
        state[name + ".weight"] = 0.3 + 0.5 * torch.rand(c, generator=generator)
        state[name + ".bias"] = 0.2 + torch.randn(c, generator=generator) * 0.3
        state[name + ".running_mean"] = torch.randn(c, generator=generator) * 0.2
        state[name + ".running_var"] = 0.5 + torch.rand(c, generator=generator)
        state[name + ".num_batches_tracked"] = torch.tensor(7)

    def conv_module(name, cout, cin, k=1, groups=1, bn=True):
        conv(name + ".conv", cout, cin, k, groups, bias=not bn)
        if bn:
            norm(name + ".bn", cout)

    def down(name, cin, cout):
        conv(name + ".0", cin, cin, 3, cin)
        norm(name + ".1", cin)
        conv(name + ".2", cout, cin)
        norm(name + ".3", cout)

    p = "backbone.stem."
    conv_module(p + "conv1", 32, 3, 3)
    conv_module(p + "branch1.0", 16, 16, 3, 16)
    conv_module(p + "branch1.1", 16, 16)
    conv_module(p + "expand_conv", 32, 16)
    conv_module(p + "depthwise_conv", 32, 32, 3, 32)
    conv_module(p + "linear_conv", 16, 32)
    before = [32]
    for s in range(3):
        now = channels[: s + 2]
        for b, c in enumerate(now):
            if b >= len(before):
                down(f"backbone.transition{s}.{b}.0", before[-1], c)
            elif before[b] != c:
                down(f"backbone.transition{s}.{b}", before[b], c)
        for m, block in itertools.product(range(modules[s]), range(2)):
            half = [c // 2 for c in now]
            if lite:
                q = f"backbone.stage{s}.{m}.layers.{block}."
                total = sum(half)
                conv_module(q + "cross_resolution_weighting.conv1", int(total / 8), total)
                conv_module(q + "cross_resolution_weighting.conv2", total, int(total / 8))
                for b, c in enumerate(half):
                    conv_module(f"{q}depthwise_convs.{b}", c, c, 3, c)
                    conv_module(f"{q}spatial_weighting.{b}.conv1", int(c / 4), c, bn=False)
                    conv_module(f"{q}spatial_weighting.{b}.conv2", c, int(c / 4), bn=False)
            else:
                for b, c in enumerate(half):
                    q = f"backbone.stage{s}.{m}.layers.{b}.{block}.branch2."
                    conv_module(q + "0", c, c)
                    conv_module(q + "1", c, c, 3, c)
                    conv_module(q + "2", c, c)
        for m, i, j in itertools.product(range(modules[s]), range(len(now)), range(len(now))):
            q = f"backbone.stage{s}.{m}.fuse_layers.{i}.{j}"
            if j > i:
                conv(q + ".0", now[i], now[j])
                norm(q + ".1", now[i])
            for k in range(i - j):
                down(f"{q}.{k}", now[j], now[i] if k == i - j - 1 else now[j])
        before = list(now)
    for i, c in enumerate(before[::-1]):
        q = f"backbone.head_layer.projects.{i}."
        conv_module(q + "depthwise_conv", c, c, 3, c)
        conv_module(q + "pointwise_conv", before[::-1][min(i + 1, 3)], c)
    if head == "keypoint":
        conv("keypoint_head.final_layer", outputs, channels[0], bias=True)
    else:
        width = channels[0] + sum(channels[:3]) if head == "concat" else channels[0]
        conv_module("decode_head.convs.0", width, width)
        conv("decode_head.conv_seg", outputs, width, bias=True)
    return state


class Official:
    """Walks a state. Eval mode."""

    def __init__(self, state: State, modules) -> None:
        self.s, self.modules = state, modules
        self.settling: torch.Generator | None = None

    def settle(self, generator: torch.Generator) -> None:
        """Random batch-norm statistics of the size a training would leave: what passes on noise, times 0.5 to 1.5.

        With statistics drawn blindly, branch 0 doubles in every module (the alias), all gates saturate, and single precision no
        longer tells one network from another.
        """
        self.settling = generator
        self(torch.randn(2, 3, 128, 96, generator=generator))
        self.settling = None

    def conv(self, name, x, stride=1):
        w = self.s[name + ".weight"]
        return F.conv2d(x, w, self.s.get(name + ".bias"), stride, w.shape[-1] // 2, groups=x.shape[1] // w.shape[1])

    def norm(self, name, x):
        s = self.s
        if self.settling is not None:
            mean, var, g = x.mean((0, 2, 3)), x.var((0, 2, 3)), self.settling
            s[name + ".running_var"] = var * (0.5 + torch.rand(len(var), generator=g)) + 1e-3
            s[name + ".running_mean"] = mean + var.sqrt() * 0.3 * torch.randn(len(var), generator=g)
        return F.batch_norm(x, s[name + ".running_mean"], s[name + ".running_var"], s[name + ".weight"], s[name + ".bias"])

    def cm(self, name, x, act=None, stride=1):
        x = self.conv(name + ".conv", x, stride)
        if name + ".bn.weight" in self.s:
            x = self.norm(name + ".bn", x)
        return act(x) if act else x

    def down(self, name, x, relu, stride=2):
        x = self.norm(name + ".1", self.conv(name + ".0", x, stride))
        x = self.norm(name + ".3", self.conv(name + ".2", x))
        return x.relu() if relu else x

    @staticmethod
    def shuffle(x):
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)

    def stem(self, x):
        p = "backbone.stem."
        x = self.cm(p + "conv1", x, torch.relu, 2)
        left, right = x[:, :16], x[:, 16:]
        right = self.cm(p + "expand_conv", right, torch.relu)
        right = self.cm(p + "linear_conv", self.cm(p + "depthwise_conv", right, None, 2), torch.relu)
        left = self.cm(p + "branch1.1", self.cm(p + "branch1.0", left, None, 2), torch.relu)
        return self.shuffle(torch.cat((left, right), 1))

    def lite_block(self, name, xs):
        keep = [x[:, : x.shape[1] // 2] for x in xs]
        work = [x[:, x.shape[1] // 2 :] for x in xs]
        mini = work[-1].shape[-2:]
        pooled = torch.cat([F.adaptive_avg_pool2d(w, mini) for w in work[:-1]] + [work[-1]], 1)
        gate = self.cm(name + "cross_resolution_weighting.conv1", pooled, torch.relu)
        gate = self.cm(name + "cross_resolution_weighting.conv2", gate, torch.sigmoid)
        out, first = [], 0
        for b, w in enumerate(work):
            g = gate[:, first : first + w.shape[1]]
            first += w.shape[1]
            w = w * F.interpolate(g, size=w.shape[-2:], mode="nearest")
            w = self.cm(f"{name}depthwise_convs.{b}", w)
            a = F.adaptive_avg_pool2d(w, 1)
            a = self.cm(f"{name}spatial_weighting.{b}.conv1", a, torch.relu)
            w = w * self.cm(f"{name}spatial_weighting.{b}.conv2", a, torch.sigmoid)
            out.append(self.shuffle(torch.cat((keep[b], w), 1)))
        return out

    def module(self, name, xs):
        if any(k.startswith(name + "layers.0.cross") for k in self.s):
            out = list(xs)
            for block in range(2):
                out = self.lite_block(f"{name}layers.{block}.", out)
        else:
            out = []
            for b, x in enumerate(xs):
                for block in range(2):
                    q = f"{name}layers.{b}.{block}.branch2."
                    half = x.shape[1] // 2
                    w = self.cm(q + "1", self.cm(q + "0", x[:, half:], torch.relu))
                    x = self.shuffle(torch.cat((x[:, :half], self.cm(q + "2", w, torch.relu)), 1))
                out.append(x)
        fused = []
        for i in range(len(out)):
            total = out[0] if i == 0 else self.path(name, i, 0, out[0])
            for j in range(len(out)):  # in place on purpose: for i = 0 this changes out[0]
                total += out[j] if i == j else self.path(name, i, j, out[j])
            fused.append(torch.relu(total))
        return fused

    def path(self, name, i, j, x):
        q = f"{name}fuse_layers.{i}.{j}"
        if j > i:
            return F.interpolate(self.norm(q + ".1", self.conv(q + ".0", x)), scale_factor=2 ** (j - i), mode="nearest")
        for k in range(i - j):
            x = self.down(f"{q}.{k}", x, k != i - j - 1)
        return x

    @torch.no_grad()
    def __call__(self, x):
        ys = [self.stem(x)]
        for s in range(3):
            xs = []
            for b in range(s + 2):
                q = f"backbone.transition{s}.{b}"
                if b >= len(ys):
                    xs.append(self.down(q + ".0", ys[-1], True))
                elif q + ".0.weight" in self.s:
                    xs.append(self.down(q, ys[b], True, 1))
                else:
                    xs.append(ys[b])
            for m in range(self.modules[s]):
                xs = self.module(f"backbone.stage{s}.{m}.", xs)
            ys = xs
        results, last = [], None
        for i, y in enumerate(ys[::-1]):
            if last is not None:
                y = y + F.interpolate(last, size=y.shape[-2:], mode="bilinear", align_corners=True)
            q = f"backbone.head_layer.projects.{i}."
            last = self.cm(q + "pointwise_conv", self.cm(q + "depthwise_conv", y), torch.relu)
            results.insert(0, last)
        if "keypoint_head.final_layer.weight" in self.s:
            return self.conv("keypoint_head.final_layer", results[0])
        x = results[0]
        if self.s["decode_head.conv_seg.weight"].shape[1] > x.shape[1]:
            size = x.shape[-2:]
            up = [F.interpolate(r, size=size, mode="bilinear", align_corners=False) for r in results]
            x = torch.cat(up, 1)
        return self.conv("decode_head.conv_seg", self.cm("decode_head.convs.0", x, torch.relu))


def state_of(arch, head="keypoint", outputs=17, seed=0):
    """A checkpoint of `arch` with random weights, and the official network that runs it."""
    channels, modules, lite = SHAPES[arch]
    g = torch.Generator().manual_seed(seed)
    state = make_state(channels, modules, lite, head, outputs, g)
    official = Official(state, modules)
    official.settle(g)
    return state, official


def relative(a, b):
    """The largest difference, as a share of the largest value of `b`."""
    return np.abs(a - b).max() / np.abs(b).max()
