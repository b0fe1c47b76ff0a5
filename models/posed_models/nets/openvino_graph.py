"""OpenVINO files (.xml with its .bin): their convolutions, and running them to compare.

Needs the package `openvino`, an extra of this project: `pip install 'posed-models[openvino]'`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from posed_models.errors import PosedModelsError
from posed_models.nets.convolutions import Collector, Conv


def _core() -> Any:
    try:
        from openvino import Core
    except ImportError as e:
        raise PosedModelsError("OpenVINO files need the package openvino: pip install 'posed-models[openvino]'") from e
    return Core()


def _model(path: str | Path) -> Any:
    core = _core()
    if not Path(path).is_file():
        raise PosedModelsError(f"{path}: no such file")
    if not Path(path).with_suffix(".bin").is_file():
        raise PosedModelsError(f"{path}: its weights are missing: put {Path(path).with_suffix('.bin').name} beside it")
    try:
        return core.read_model(str(path))
    except RuntimeError as e:
        raise PosedModelsError(f"{path}: OpenVINO cannot read it: {str(e).strip().splitlines()[-1]}") from e


def _constant(node: Any) -> np.ndarray | None:
    """The value of a constant, with the converting (float16 files) and reshaping (grouped weights) behind it."""
    kind = node.get_type_name()
    if kind == "Constant":
        return np.array(node.get_data())
    if kind in ("Convert", "Reshape") and (value := _constant(node.input_value(0).get_node())) is not None:
        return value.astype(np.float32) if kind == "Convert" else value.reshape(list(node.get_output_shape(0)))
    return None


def read(path: str | Path) -> list[Conv]:
    """The convolutions of a float graph."""
    graph = Collector()
    for op in _model(path).get_ordered_ops():
        kind, name = op.get_type_name(), op.get_friendly_name()
        nodes = [v.get_node() for v in op.input_values()]
        inputs = [f"{v.get_node().get_name()}:{v.get_index()}" for v in op.input_values()]
        outputs = [f"{op.get_name()}:{i}" for i in range(op.get_output_size())]
        constants = [c for n in nodes if (c := _constant(n)) is not None]
        if kind == "FakeQuantize":
            raise PosedModelsError(f"node {name} is quantised: give the float export")
        if kind in ("Convolution", "GroupConvolution"):
            weight = _constant(nodes[1])
            if weight is None:
                raise PosedModelsError(f"convolution {name} has computed weights: not a Lite-HRNet")
            groups = weight.shape[0] if kind == "GroupConvolution" else 1
            if kind == "GroupConvolution":  # groups x O/groups x I/groups x k x k
                weight = weight.reshape(-1, *weight.shape[2:])
            stride = int(op.get_attributes()["strides"][0])
            graph.convolution(name, inputs[0], outputs[0], weight, None, stride, groups)
        elif kind == "BatchNormInference":
            gamma, beta, mean, var = constants  # the data stand first or, in old files, third
            data = next(i for i, n in zip(inputs, nodes, strict=True) if _constant(n) is None)
            graph.batch_norm(data, outputs[0], gamma, beta, mean, var, float(op.get_attributes()["epsilon"]))
        else:
            graph.other({"Multiply": "Mul"}.get(kind, kind), inputs, outputs, constants)
    return graph.found


class OpenVinoSession:
    """A file run by OpenVINO on the CPU in float32. `size`: height and width of its input."""

    def __init__(self, path: str | Path) -> None:
        model = _model(path)
        shape = model.input(0).partial_shape
        if shape.is_dynamic or len(shape) != 4 or shape[1].get_length() != 3:
            raise PosedModelsError(f"{path}: input is {shape}, wanted 1 x 3 x height x width with fixed sizes")
        self.size: tuple[int, int] = (shape[2].get_length(), shape[3].get_length())
        # by default it computes in bfloat16 where the processor has it
        self._model = _core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Runs the images one by one: N x 3 x H x W to the first output."""
        x = np.ascontiguousarray(batch, np.float32)
        return np.concatenate([np.array(self._model(x[i : i + 1])[0]) for i in range(len(x))])
