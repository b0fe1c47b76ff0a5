"""int8 rounding in a float ONNX graph of any wiring.

In: a graph with its batch norms in its convolutions, and pictures. Out: the same graph in QDQ form, as posed's engine takes it:
weights per output channel, symmetric; activations asymmetric, zero exactly representable. Rounded is

- what a convolution reads, and everything that is joined, pooled, enlarged, added or multiplied on its way there, after its
  activation: never a convolution's sum before it;
- what maximum pools and enlargements give, on the grid of what they were given; a concat nowhere, its parts on one grid where a
  convolution of all channels reads it, so that joining only places bytes;
- with one scale a channel what no convolution of all channels reads: sums, gates and depthwise convolutions take each as it is;
- nothing behind the last convolutions: scores and boxes stay real.

Each range is clipped where the squared error is least (rounding.py). Biases are not corrected as those of our own networks are:
most of a picture is nobody, and what its mean gains the few cells lose where somebody is (scores fell by 0.07 instead of 0.05).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import helper, numpy_helper

from posed_models.check.session import Session
from posed_models.data.imagenet import MEAN, STD
from posed_models.int8.rounding import Rounder

SAME_GRID = ("MaxPool", "Resize")
JOINS = ("Add", "Mul", "Concat", "GlobalAveragePool", "AveragePool", *SAME_GRID)
ACTIVATIONS = ("Sigmoid", "Relu", "Clip", "HardSigmoid", "HardSwish", "LeakyRelu", "Tanh")
PER_CHANNEL = ("Add", "Mul", "GlobalAveragePool")
GATES = ("Sigmoid", "HardSigmoid")
VALUES = 60_000
"""Numbers of a tensor that are looked at."""
PICTURES = 96
"""For calibrating."""


class Wiring:
    """Who makes and who reads the values of a graph."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self.constants = {i.name for i in graph.initializer}
        self.maker = {o: n for n in graph.node for o in n.output}
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        shapes = [*graph.value_info, *graph.input, *graph.output]
        self.shape = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in shapes}
        self._leads: dict[str, bool] = {}

    def leads_on(self, name: str) -> bool:
        """Whether a convolution reads this value, or what is made of it."""
        if name not in self._leads:
            readers = self.readers.get(name, [])
            self._leads[name] = any(r.op_type == "Conv" or any(self.leads_on(o) for o in r.output) for r in readers)
        return self._leads[name]

    def is_depthwise(self, node: onnx.NodeProto) -> bool:
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        return node.op_type == "Conv" and groups > 1

    def takes_channels(self, name: str) -> bool:
        """Whether whoever reads this value can take a scale for each channel."""

        def takes(node: onnx.NodeProto) -> bool:
            if node.op_type == "Concat":
                return self.takes_channels(node.output[0])
            return self.is_depthwise(node) or node.op_type in PER_CHANNEL

        return all(takes(r) for r in self.readers[name])

    def is_part(self, name: str) -> bool:
        """Whether this value is only a part of an activation, v · sigmoid(v)."""
        readers = self.readers[name]
        acted = [r for r in readers if r.op_type in ACTIVATIONS]
        if not acted:
            return False
        own = {a.output[0] for a in acted}
        return all(r in acted or (r.op_type == "Mul" and own & set(r.input)) for r in readers)

    def is_gate_inside(self, name: str) -> bool:
        """Whether this is the sigmoid of such an activation."""
        node = self.maker.get(name)
        if node is None or node.op_type not in ACTIVATIONS:
            return False
        return all(r.op_type == "Mul" and node.input[0] in r.input for r in self.readers[name])

    def is_rounded(self, name: str) -> bool:
        maker = self.maker.get(name)
        is_joined = maker is not None and maker.op_type == "Concat"
        if name in self.constants or is_joined or not self.leads_on(name) or len(self.shape.get(name, [])) != 4:
            return False
        return any(r.op_type == "Conv" or r.op_type in JOINS for r in self.readers[name]) and not (
            self.is_part(name) or self.is_gate_inside(name)
        )


class Groups:
    """Values that share a grid."""

    def __init__(self, wiring: Wiring, points: Sequence[str]) -> None:
        self._root = {p: p for p in points}
        for node in wiring.graph.node:
            out = node.output[0]
            if node.op_type in SAME_GRID:
                self._join(node.input[0], out)
            elif node.op_type == "Concat" and any(r.op_type == "Conv" for r in wiring.readers.get(out, [])):
                for part in node.input[1:]:
                    self._join(part, node.input[0])

    def root(self, name: str) -> str:
        while self._root[name] != name:
            name = self._root[name]
        return name

    def _join(self, a: str, b: str) -> None:
        if a in self._root and b in self._root:
            self._root[self.root(a)] = self.root(b)


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def values(model: onnx.ModelProto, names: Sequence[str], pictures: np.ndarray) -> dict[str, np.ndarray]:
    """The values of these names for all pictures (N x 3 x H x W)."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    known = {o.name for o in probe.graph.output}
    probe.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in known)
    run = session(probe)
    rows = [run.run(list(names), {model.graph.input[0].name: pictures[i : i + 1]}) for i in range(len(pictures))]
    return {name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(names)}


class Grids:
    """A grid for every point of a graph, by its name."""

    def __init__(self, model: onnx.ModelProto, pictures: np.ndarray) -> None:
        self.wiring = Wiring(model.graph)
        makes = [model.graph.input[0].name, *(o for n in model.graph.node for o in n.output)]
        self.points = [name for name in makes if self.wiring.is_rounded(name)]
        self.groups = Groups(self.wiring, self.points)
        members: dict[str, list[str]] = {}
        for name in self.points:
            members.setdefault(self.groups.root(name), []).append(name)
        self.rounders = {root: self._rounder(names) for root, names in members.items()}
        watched = [name for name in self.points if not self.rounders[self.groups.root(name)].fixed]
        random = np.random.default_rng(0)
        for name, seen in values(model, watched, pictures).items():
            rounder = self.rounders[self.groups.root(name)]
            v = torch.from_numpy(np.moveaxis(seen, 1, 0).reshape(seen.shape[1], -1).copy())
            v = v if rounder.channels else v.reshape(1, -1)
            if v.shape[1] > VALUES:
                v = v[:, torch.from_numpy(random.integers(0, v.shape[1], VALUES))]
            rounder.seen.append(v)
        for rounder in self.rounders.values():
            rounder.settle()

    def _rounder(self, names: list[str]) -> Rounder:
        name, wiring = names[0], self.wiring
        maker = wiring.maker.get(name)
        if maker is None:
            return Rounder(float((-MEAN / STD).min()), float(((1 - MEAN) / STD).max()))
        if len(names) == 1 and maker.op_type in GATES:
            return Rounder(0.0, 1.0)
        return Rounder(channels=len(names) == 1 and wiring.takes_channels(name))


def rounded(model: onnx.ModelProto, grids: Grids) -> onnx.ModelProto:
    """`model` in QDQ form."""
    out = onnx.ModelProto()
    out.CopyFrom(model)
    graph = out.graph
    weights = {i.name: i for i in graph.initializer}
    stored: dict[str, str] = {}
    nodes: list[onnx.NodeProto] = []

    def constant(name: str, value: np.ndarray) -> str:
        graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def quantise(name: str) -> None:
        rounder = grids.rounders[grids.groups.root(name)]
        scale, zero = rounder.scale.numpy().astype(np.float32), rounder.zero.numpy().astype(np.int8)
        one = len(scale) == 1
        grid = [constant(f"{name}_scale", scale[0] if one else scale), constant(f"{name}_zero", zero[0] if one else zero)]
        axis = {} if one else {"axis": 1}
        nodes.append(helper.make_node("QuantizeLinear", [name, *grid], [f"{name}_q"], f"{name}_q", **axis))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_q", *grid], [f"{name}_dq"], f"{name}_dq", **axis))

    points = set(grids.points)
    if graph.input[0].name in points:
        quantise(graph.input[0].name)
    for node in graph.node:
        if node.op_type == "Conv" and node.input[1] not in stored:
            w = numpy_helper.to_array(weights[node.input[1]])
            scale = np.maximum(np.abs(w).reshape(len(w), -1).max(1), 1e-8).astype(np.float32) / 127
            levels = np.clip(np.rint(w / scale.reshape(-1, 1, 1, 1)), -127, 127).astype(np.int8)
            name = node.input[1]
            grid = [constant(f"{name}_scale", scale), constant(f"{name}_zero", np.zeros(len(w), np.int8))]
            nodes.append(
                helper.make_node("DequantizeLinear", [constant(f"{name}_q", levels), *grid], [f"{name}_dq"], f"{name}_dq", axis=0)
            )
            stored[name] = f"{name}_dq"
        if node.op_type == "Conv":
            node.input[1] = stored[node.input[1]]
        node.input[:] = [f"{i}_dq" if i in points else i for i in node.input]
        nodes.append(node)
        for name in node.output:
            if name in points:
                quantise(name)
    del graph.node[:]
    graph.node.extend(nodes)
    left = [i for i in graph.initializer if i.name not in stored]
    del graph.initializer[:]
    graph.initializer.extend(left)
    del graph.value_info[:]
    onnx.checker.check_model(out)
    return out


def quantise(model: onnx.ModelProto, pictures: np.ndarray) -> onnx.ModelProto:
    """`model` in QDQ form, calibrated on these pictures (N x 3 x H x W)."""
    return rounded(model, Grids(model, pictures))


def forward(path: str | Path) -> Callable[[torch.Tensor], torch.Tensor]:
    """A graph's file as a network."""
    session = Session(path)
    return lambda x: torch.from_numpy(session.run(x.numpy()))
