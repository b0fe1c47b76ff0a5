"""Nodes that posed's engine leaves to tract, between the third depthwise convolution of a graph and its QuantizeLinear."""

from collections.abc import Callable

import onnx
from onnx import helper

WHICH = 2


def _behind(model: onnx.ModelProto, nodes: Callable[[str], list[onnx.NodeProto]]) -> onnx.ModelProto:
    """`nodes` of the convolution's output; the last one's output takes its place."""
    odd = onnx.ModelProto()
    odd.CopyFrom(model)
    graph = odd.graph

    def is_depthwise(node: onnx.NodeProto) -> bool:
        return node.op_type == "Conv" and any(a.name == "group" and a.i > 1 for a in node.attribute)

    place = [i for i, n in enumerate(graph.node) if is_depthwise(n)][WHICH]
    out = graph.node[place].output[0]
    added = nodes(out)
    for node in graph.node:
        node.input[:] = [added[-1].output[0] if name == out else name for name in node.input]
    for i, node in enumerate(added, place + 1):
        graph.node.insert(i, node)
    onnx.checker.check_model(odd)
    return odd


def with_elu(model: onnx.ModelProto) -> onnx.ModelProto:
    return _behind(model, lambda x: [helper.make_node("Elu", [x], ["odd_elu"], name="odd_elu", alpha=1.0)])


def with_pool_gate(model: onnx.ModelProto) -> onnx.ModelProto:
    """x · Sigmoid(GlobalMaxPool(x))."""

    def gate(x: str) -> list[onnx.NodeProto]:
        return [
            helper.make_node("GlobalMaxPool", [x], ["odd_peak"], name="odd_peak"),
            helper.make_node("Sigmoid", ["odd_peak"], ["odd_gate"], name="odd_gate"),
            helper.make_node("Mul", [x, "odd_gate"], ["odd_mul"], name="odd_mul"),
        ]

    return _behind(model, gate)
