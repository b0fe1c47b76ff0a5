"""ONNX files: their convolutions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from posed_models.errors import PosedModelsError
from posed_models.nets.convolutions import Collector, Conv


def read(path: str | Path) -> list[Conv]:
    """The convolutions of a float graph."""
    g = onnx.load(str(path)).graph
    const = {i.name: numpy_helper.to_array(i) for i in g.initializer}
    graph = Collector()
    for node in g.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        name = node.name or node.output[0]
        if node.op_type == "Constant":
            const[node.output[0]] = numpy_helper.to_array(attributes["value"]) if "value" in attributes else np.array(0)
        elif node.op_type == "Identity" and node.input[0] in const:
            const[node.output[0]] = const[node.input[0]]
        elif node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            raise PosedModelsError(f"node {name} is quantised: give the float export")
        elif node.op_type == "Conv":
            if node.input[1] not in const:
                raise PosedModelsError(f"convolution {name} has computed weights: not a Lite-HRNet")
            bias = const[node.input[2]] if len(node.input) > 2 and node.input[2] else None
            stride, groups = int(attributes.get("strides", [1, 1])[0]), int(attributes.get("group", 1))
            graph.convolution(node.input[1], node.input[0], node.output[0], const[node.input[1]], bias, stride, groups)
        elif node.op_type == "BatchNormalization":
            gamma, beta, mean, var = (const[i] for i in node.input[1:5])
            graph.batch_norm(node.input[0], node.output[0], gamma, beta, mean, var, attributes.get("epsilon", 1e-5))
        else:
            graph.other(node.op_type, node.input, node.output, [const[i] for i in node.input if i in const])
    return graph.found
