"""A float export of a Lite-HRNet, whoever made it, back into a network.

In: an ONNX or OpenVINO file: PP-TinyPose (a Wider-Naive Lite-HRNet-18, 269 folded convolutions), an mmdeploy export, or ours.
Out: the same network in PyTorch, folded, so that it can be rounded, fine-tuned and exported like ours.

Exporters order and name nodes differently and write a channel shuffle in several ways. Convolutions are therefore matched by
their place: each convolution is coloured by shape, stride and groups, then again and again by the colours of the convolutions
it reads from and feeds (Weisfeiler-Lehman refinement of the graph of convolutions). In these networks every convolution ends
with a colour of its own. The caller compares the outputs, so a wrong match cannot pass.
"""

from __future__ import annotations

import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn as nn

from posed_models.errors import PosedModelsError
from posed_models.nets import onnx_graph, openvino_graph
from posed_models.nets.blocks import fold_bn
from posed_models.nets.checkpoint import Imported
from posed_models.nets.convolutions import Conv
from posed_models.nets.export import trace
from posed_models.nets.lite_hrnet import ARCHS, LiteHRNet
from posed_models.tasks import TASKS, Task

SUFFIXES = (".onnx", ".xml")
"""Of the files that [`load_export`] reads."""


def colours(convs: list[Conv]) -> list[int]:
    """A number for each convolution that tells its place in the graph; equal numbers in two graphs mean equal places."""
    now, count = [hash(c.kind) for c in convs], 0
    while len(set(now)) > count:
        count = len(set(now))
        now = [
            hash((own, tuple(sorted(now[r] for r in c.reads)), tuple(sorted(now[f] for f in c.feeds))))
            for own, c in zip(now, convs, strict=True)
        ]
    return now


def candidates(convs: list[Conv]) -> Iterator[tuple[LiteHRNet, Task]]:
    """The networks that have these convolutions, order apart."""
    outputs = convs[-1].weight.shape[0]
    wanted = Counter(c.kind for c in convs)
    for arch, task in itertools.product(ARCHS, TASKS.values()):
        for head in task.heads(ARCHS[arch].channels, outputs):
            net = task.net(arch, head)
            own = (m for m in net.modules() if isinstance(m, nn.Conv2d))
            if wanted == Counter((*m.weight.shape, m.stride[0], m.groups) for m in own):
                yield net, task


def read(path: str | Path) -> list[Conv]:
    """The convolutions of an export, batch norms folded, and who feeds whom."""
    return openvino_graph.read(path) if Path(path).suffix == ".xml" else onnx_graph.read(path)


def load_export(path: str | Path) -> Imported:
    """Reads a float ONNX or OpenVINO export into a folded network of ours."""
    try:
        theirs = read(path)
        if not theirs:
            raise PosedModelsError("no convolution in it: is it a network?")
        found = next(candidates(theirs), None)
        if found is None:
            raise PosedModelsError(
                f"{len(theirs)} convolutions that fit none of {', '.join(ARCHS)}. posed runs it as it is: "
                "write a card beside it (docs/models.md)"
            )
    except PosedModelsError as e:
        raise PosedModelsError(f"{path}: {e}") from e
    net, task = found
    fold_bn(net)
    modules = dict(net.named_modules())
    with tempfile.TemporaryDirectory() as folder:
        trace(net, Path(folder) / "own.onnx", 64, 64, True)
        ours = read(Path(folder) / "own.onnx")
    a, b = colours(theirs), colours(ours)
    if Counter(a) != Counter(b) or len(set(a)) != len(a):
        raise PosedModelsError(f"{path}: its convolutions are those of {net.arch}, but not joined in the same way")
    place = dict(zip(a, theirs, strict=True))
    with torch.no_grad():
        for colour, own in zip(b, ours, strict=True):
            conv = modules[own.name.removesuffix(".weight")]
            assert isinstance(conv, nn.Conv2d) and conv.bias is not None
            conv.weight.copy_(torch.from_numpy(place[colour].weight))
            conv.bias.copy_(torch.from_numpy(place[colour].bias))
    return Imported(net, task, True)
