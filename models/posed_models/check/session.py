"""An ONNX network run by ONNX Runtime on the CPU.

In: N x 3 x H x W float32, normalised. Out: the network's first output, N x outputs x H/4 x W/4.

Graphs run as written, without ONNX Runtime's rewriting: on an int8 graph its fused integer operators round in other places,
which moved AP from 55.3 to 51.9 on 86 persons (posed: 54.5). Float results do not depend on it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort

from posed_models.errors import PosedModelsError


class Session:
    """A loaded ONNX file. `size`: height and width of its input. `rewritten`: by ONNX Runtime's optimiser."""

    def __init__(self, path: str | Path, rewritten: bool = False) -> None:
        if not Path(path).is_file():
            raise PosedModelsError(f"{path}: no such file")
        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1  # one person at a time is too little work for two threads that wait for each other
        levels = ort.GraphOptimizationLevel
        options.graph_optimization_level = levels.ORT_ENABLE_ALL if rewritten else levels.ORT_DISABLE_ALL
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as e:
            raise PosedModelsError(f"{path}: ONNX Runtime cannot load it: {str(e).splitlines()[0]}") from e
        self._input = self._session.get_inputs()[0]
        self.output: str = self._session.get_outputs()[0].name
        shape = self._input.shape
        if len(shape) != 4 or shape[1] != 3 or not all(isinstance(v, int) for v in shape[2:]):
            raise PosedModelsError(f"{path}: input is {shape}, wanted 1 x 3 x height x width with fixed sizes")
        self.size: tuple[int, int] = (shape[2], shape[3])

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Runs the images one by one (the files have a batch of one)."""
        x = np.ascontiguousarray(batch, np.float32)
        return np.concatenate([self._session.run([self.output], {self._input.name: x[i : i + 1]})[0] for i in range(len(x))])
