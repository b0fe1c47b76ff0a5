"""A float ONNX export of a Lite-HRNet, whoever made it, back into a network.

In: an ONNX file: PP-TinyPose exported by paddle2onnx (a Wider-Naive Lite-HRNet-18, 269 folded convolutions), an mmdeploy export,
or ours. Out: the same network in PyTorch, folded, so that it can be rounded, fine-tuned and exported like ours.

Exporters order and name nodes differently and write a channel shuffle in several ways. Convolutions are therefore matched by
their place: each convolution is coloured by shape, stride and groups, then again and again by the colours of the convolutions
it reads from and feeds (Weisfeiler-Lehman refinement of the graph of convolutions). In these networks every convolution ends
with a colour of its own. The caller compares the outputs, so a wrong match cannot pass.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn as nn
from onnx import numpy_helper

from posed_models.blocks import fold_bn
from posed_models.checkpoint import Imported
from posed_models.errors import PosedModelsError
from posed_models.export import trace
from posed_models.nets import ARCHS, build


@dataclass
class Conv:
    """

    ne convolution of a graph: the name of its weight, folded weight and bias, stride, groups, and its neighbours by number.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    stride: int
    groups: int
    reads: set[int] = field(default_factory=set)
    feeds: set[int] = field(default_factory=set)

    @property
    def kind(self) -> tuple[Any, ...]:
        return (*self.weight.shape, self.stride, self.groups)


def convolutions(model: onnx.ModelProto) -> list[Conv]:
    """The convolutions of a float graph with batch norms folded, and who feeds whom, other operators left out."""
    g = model.graph
    const = {i.name: numpy_helper.to_array(i) for i in g.initializer}
    found: list[Conv] = []
    source: dict[str, frozenset[int]] = {}
    for node in g.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Constant":
            const[node.output[0]] = numpy_helper.to_array(attributes["value"]) if "value" in attributes else np.array(0)
            continue
        if node.op_type == "Identity" and node.input[0] in const:
            const[node.output[0]] = const[node.input[0]]
            continue
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            raise PosedModelsError(f"node {node.name or node.output[0]} is quantised: give the float export")
        reads = frozenset[int]().union(*(source.get(i, frozenset()) for i in node.input))
        if node.op_type == "Conv":
            if node.input[1] not in const:
                raise PosedModelsError(f"convolution {node.name or node.output[0]} has computed weights: not a Lite-HRNet")
            w = const[node.input[1]].astype(np.float64)
            has_bias = len(node.input) > 2 and node.input[2]
            b = const[node.input[2]].astype(np.float64) if has_bias else np.zeros(w.shape[0])
            strides = attributes.get("strides", [1, 1])
            found.append(Conv(node.input[1], w, b, int(strides[0]), int(attributes.get("group", 1)), set(reads)))
            for r in reads:
                found[r].feeds.add(len(found) - 1)
            reads = frozenset({len(found) - 1})
        elif node.op_type == "BatchNormalization":
            conv = found[next(iter(reads))]
            gamma, beta, mean, var = (const[i].astype(np.float64) for i in node.input[1:5])
            scale = gamma / np.sqrt(var + attributes.get("epsilon", 1e-5))
            conv.weight = conv.weight * scale.reshape(-1, 1, 1, 1)
            conv.bias = (conv.bias - mean) * scale + beta
        elif node.op_type in ("Add", "Mul") and len(reads) == 1 and _per_channel(node, const, found[next(iter(reads))]):
            _fold_constant(node, const, found[next(iter(reads))])
        for o in node.output:
            source[o] = reads
    return found


def _per_channel(node: onnx.NodeProto, const: dict[str, np.ndarray], conv: Conv) -> bool:
    """Is this a bias or a scale that an exporter left beside its convolution (paddle2onnx writes biases so)?"""
    values = [const[i] for i in node.input if i in const]
    return len(values) == 1 and values[0].size == conv.weight.shape[0]


def _fold_constant(node: onnx.NodeProto, const: dict[str, np.ndarray], conv: Conv) -> None:
    value = next(const[i] for i in node.input if i in const).astype(np.float64).ravel()
    if node.op_type == "Add":
        conv.bias = conv.bias + value
    else:
        conv.weight, conv.bias = conv.weight * value.reshape(-1, 1, 1, 1), conv.bias * value


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


def candidates(convs: list[Conv]) -> Iterator[tuple[str, str, bool]]:
    """Architecture, task and width of head of the networks that have these convolutions, order apart."""
    outputs = convs[-1].weight.shape[0]
    wanted = Counter(c.kind for c in convs)
    for arch in ARCHS:
        for task, every in (("pose", False), ("segmentation", False), ("segmentation", True)):
            net = build(arch, task, outputs, every)
            own = (m for m in net.modules() if isinstance(m, nn.Conv2d))
            if wanted == Counter((*m.weight.shape, m.stride[0], m.groups) for m in own):
                yield arch, task, every


def load_onnx(path: str | Path) -> Imported:
    """Reads a float ONNX export into a folded network of ours."""
    model = onnx.load(str(path))
    try:
        theirs = convolutions(model)
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
    arch, task, every = found
    outputs = theirs[-1].weight.shape[0]
    net = fold_bn(build(arch, task, outputs, every))
    modules = dict(net.named_modules())
    with tempfile.TemporaryDirectory() as folder:
        trace(net, Path(folder) / "own.onnx", 64, 64, True)
        ours = convolutions(onnx.load(Path(folder) / "own.onnx"))
    a, b = colours(theirs), colours(ours)
    if Counter(a) != Counter(b) or len(set(a)) != len(a):
        raise PosedModelsError(f"{path}: its convolutions are those of {arch}, but not joined in the same way")
    place = dict(zip(a, theirs, strict=True))
    with torch.no_grad():
        for colour, own in zip(b, ours, strict=True):
            conv = modules[own.name.removesuffix(".weight")]
            assert isinstance(conv, nn.Conv2d) and conv.bias is not None
            conv.weight.copy_(torch.from_numpy(place[colour].weight))
            conv.bias.copy_(torch.from_numpy(place[colour].bias))
    return Imported(net, arch, task, outputs, True)  # type: ignore[arg-type]
