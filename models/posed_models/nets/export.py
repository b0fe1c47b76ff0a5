"""Networks to ONNX.

In: a folded float network, or a quantised one (`rounding.Quantised`). Out: an ONNX file of opset 13, input `image` 1 x 3 x H x W,
output `heatmaps` 1 x joints x H/4 x W/4, or `classes` for a segmentation. Normalising is not in the graph: the card states it.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxslim
import torch
import torch.nn as nn
from onnx import numpy_helper

from posed_models.nets.lite_hrnet import LiteHRNet, check_size

OPSET = 13


def output_name(net: nn.Module) -> str:
    """Name of the graph's output; `net` may be a quantised one, which holds the network."""
    return next(m for m in net.modules() if isinstance(m, LiteHRNet)).output


def trace(net: nn.Module, path: Path, height: int, width: int, fold_constants: bool) -> None:
    """The exporter's own graph, with nothing simplified."""
    check_size(height, width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracing exporter's age, and of sizes that are constants on purpose
        torch.onnx.export(
            net,
            (torch.zeros(1, 3, height, width),),
            str(path),
            input_names=["image"],
            output_names=[output_name(net)],
            opset_version=OPSET,
            dynamo=False,
            do_constant_folding=fold_constants,
        )


def export_float(net: nn.Module, path: str | Path, height: int, width: int) -> None:
    """Writes a folded float network."""
    path = Path(path)
    trace(net.eval().cpu(), path, height, width, True)
    model = onnxslim.slim(onnx.load(path))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def export_int8(quantised: nn.Module, path: str | Path, height: int, width: int) -> None:
    """Writes a quantised network as QDQ, its weights stored as int8.

    The tracing exporter writes a weight as float → QuantizeLinear → DequantizeLinear. The first two are replaced by their result.
    """
    path = Path(path)
    trace(quantised.eval().cpu(), path, height, width, False)
    model = onnxslim.slim(onnx.load(path), skip_fusion_patterns=["FusionConvBN"])
    _store_int8(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _store_int8(graph: onnx.GraphProto) -> None:
    const = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            const[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    keep = []
    for node in graph.node:
        if node.op_type != "QuantizeLinear" or node.input[0] not in const:
            keep.append(node)
            continue
        weight, scale, zero = (const[i] for i in node.input)
        shape = [-1] + [1] * (weight.ndim - 1) if scale.ndim else []
        levels = np.rint(weight / scale.reshape(shape)) + zero.astype(np.int32).reshape(shape)
        graph.initializer.append(numpy_helper.from_array(np.clip(levels, -128, 127).astype(np.int8), node.output[0]))
    del graph.node[:]
    graph.node.extend(keep)
    used = {i for node in graph.node for i in node.input}
    left = [i for i in graph.initializer if i.name in used]
    del graph.initializer[:]
    graph.initializer.extend(left)
