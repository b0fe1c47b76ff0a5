"""RTMDet of one class as a finder (Lyu et al., RTMDet: An Empirical Study of Designing Real-Time Object Detectors, 2022).

In: its ONNX file with raw maps, as mmdetection makes them: BGR pixels; for strides 8, 16 and 32 one map of scores (logits), then
one each of distances to the four sides in pixels of the input. Out: a graph of opset 13 with fixed sizes, that reads RGB on
ImageNet's scale, and gives one output `boxes`, 1 x 15 x H/8 x W/8: for each stride five planes, score (logit), left, top, right
and bottom. Cells of coarser strides are repeated to the finest's size.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter

from posed_models.errors import PosedModelsError

STRIDES = (8, 16, 32)
PLANES = 5
"""Of each stride: score, left, top, right, bottom."""
OUTPUT = "boxes"
OPSET = 13


def is_one(path: str | Path) -> bool:
    """Whether this file has the outputs of RTMDet's raw maps: a score's and a box's for each stride."""
    path = Path(path)
    if path.suffix != ".onnx" or not path.is_file():
        return False
    try:
        graph = onnx.load(path).graph
    except Exception:  # not ONNX at all: whoever reads it next says so
        return False
    return len(graph.input) == 1 and len(graph.output) == 2 * len(STRIDES)


def finder(path: str | Path, height: int, width: int) -> onnx.ModelProto:
    """The graph of the module's doc."""
    if height % STRIDES[-1] or width % STRIDES[-1]:
        raise PosedModelsError(f"RTMDet's input is a multiple of {STRIDES[-1]} pixels, {width}x{height} is not: such as 320x256")
    model = onnx.load(path)
    graph = model.graph
    for place, size in zip(graph.input[0].type.tensor_type.shape.dim, (1, 3, height, width), strict=True):
        place.dim_value = size
    del graph.value_info[:]
    for out in graph.output:
        out.type.tensor_type.ClearField("shape")
    try:
        model = version_converter.convert_version(onnx.shape_inference.infer_shapes(model, strict_mode=True), OPSET)
    except Exception as e:
        raise PosedModelsError(f"{path}: is no graph that can be used: {str(e).splitlines()[0]}") from e
    graph = model.graph
    shapes = [[d.dim_value for d in o.type.tensor_type.shape.dim] for o in graph.output]
    wanted = [[1, n, height // s, width // s] for n in (1, PLANES - 1) for s in STRIDES]
    if shapes != wanted:
        raise PosedModelsError(f"{path}: gives {shapes}, wanted RTMDet's raw maps of one class, {wanted}")
    _rename(graph, graph.input[0].name, "image")
    graph.input[0].name = "image"
    weights = {i.name: i for i in graph.initializer}
    _take_rgb(graph, weights)
    _fold_factors(graph, weights)
    outputs = [o.name for o in graph.output]
    parts = [outputs[0], outputs[len(STRIDES)]]
    for i, stride in list(enumerate(STRIDES))[1:]:
        level = f"level_{stride}"
        graph.node.append(helper.make_node("Concat", [outputs[i], outputs[i + len(STRIDES)]], [level], f"/{level}", axis=1))
        times = np.array([1, 1, 1 << i, 1 << i], np.float32)
        graph.initializer.append(numpy_helper.from_array(times, f"{level}_times"))
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        parts.append(f"{level}_repeated")
        graph.node.append(helper.make_node("Resize", [level, "", f"{level}_times"], [parts[-1]], f"/{parts[-1]}", **how))
    graph.node.append(helper.make_node("Concat", parts, [OUTPUT], f"/{OUTPUT}", axis=1))
    del graph.output[:]
    shape = [1, PLANES * len(STRIDES), height // STRIDES[0], width // STRIDES[0]]
    graph.output.append(helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, shape))
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    onnx.checker.check_model(model)
    return model


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if i == old else i for i in node.input]


def _take_rgb(graph: onnx.GraphProto, weights: dict[str, onnx.TensorProto]) -> None:
    """The first convolution's weights for BGR, turned round."""
    first = next(n for n in graph.node if "image" in n.input)
    kept = weights[first.input[1]]
    if first.op_type != "Conv" or kept.dims[1] != 3:
        raise PosedModelsError(
            "the picture is read by something else than a convolution of three channels: not RTMDet's raw maps"
        )
    kept.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(kept)[:, ::-1]), kept.name))


def _fold_factors(graph: onnx.GraphProto, weights: dict[str, onnx.TensorProto]) -> None:
    """Convolution · number: the number goes into the weights."""
    makers = {o: n for n in graph.node for o in n.output}
    gone = []
    for node in graph.node:
        if node.op_type != "Mul":
            continue
        a, b = (makers.get(i) for i in node.input)
        if a is None or b is None or a.op_type != "Conv" or b.op_type != "Constant":
            continue
        times = numpy_helper.to_array(b.attribute[0].t)
        if times.size != 1:
            continue
        for name in a.input[1:]:
            weights[name].CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights[name]) * times.reshape(()), name))
        a.output[0] = node.output[0]
        gone += [node, b]
    for node in gone:
        graph.node.remove(node)


def parameters(model: onnx.ModelProto) -> int:
    """Numbers in convolutions."""
    held = {i.name: int(np.prod(i.dims)) for i in model.graph.initializer}
    return sum(held[name] for n in model.graph.node if n.op_type == "Conv" for name in n.input[1:])


def operations(model: onnx.ModelProto) -> int:
    """Multiplications of convolutions."""
    dims = {i.name: list(i.dims) for i in model.graph.initializer}
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.value_info}
    convolutions = [n for n in model.graph.node if n.op_type == "Conv"]
    return sum(int(np.prod(shapes[n.output[0]])) * int(np.prod(dims[n.input[1]][1:])) for n in convolutions)
