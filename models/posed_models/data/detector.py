"""Boxes of persons in a photo, by RTMDet (Lyu et al., RTMDet: An Empirical Study of Designing Real-Time Object Detectors, 2022).

In: an ONNX file with the detector's raw maps, as mmdetection makes them: for strides 8, 16 and 32 one map of scores (logits),
then one each of distances to the four sides in pixels of the input. Out: boxes x, y, w, h in photo pixels, and scores.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort

from posed_models.errors import PosedModelsError
from posed_models.nets.rtmdet import STRIDES

SIDE = 416
"""Of the square that a photo is fitted into."""
MEAN, STD = np.array([103.53, 116.28, 123.675], np.float32), np.array([57.375, 57.12, 58.395], np.float32)
GREY = 114
LARGEST_OVERLAP = 0.6
"""Of two boxes of different persons (intersection over union)."""


class Detector:
    """One thread; may be called from several."""

    def __init__(self, path: str | Path) -> None:
        if not Path(path).is_file():
            raise PosedModelsError(f"{path}: no such file")
        try:
            graph = onnx.load(path)
            for place, size in zip(graph.graph.input[0].type.tensor_type.shape.dim[2:], (SIDE, SIDE), strict=True):
                place.dim_value = size
            del graph.graph.value_info[:]
            options = ort.SessionOptions()
            options.intra_op_num_threads, options.log_severity_level = 1, 4  # what is wrong is said below
            self._session = ort.InferenceSession(graph.SerializeToString(), options, providers=["CPUExecutionProvider"])
            self._input = self._session.get_inputs()[0].name
            shapes = [m.shape for m in self._session.run(None, {self._input: np.zeros((1, 3, SIDE, SIDE), np.float32)})]
        except Exception as e:
            raise PosedModelsError(f"{path}: ONNX Runtime cannot load it: {str(e).splitlines()[0]}") from e
        cells = [(1, n, SIDE // s, SIDE // s) for n in (1, 4) for s in STRIDES]
        if shapes != cells:
            raise PosedModelsError(f"{path}: gives {shapes}, wanted RTMDet's raw maps of one class {cells}")

    def find(self, photo: np.ndarray, least: float) -> list[tuple[list[float], float]]:
        """Boxes and scores from `least` on, of a photo in BGR bytes."""
        height, width = photo.shape[:2]
        scale = SIDE / max(height, width)
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(photo, (max(round(width * scale), 1), max(round(height * scale), 1)), interpolation=way)
        square = np.full((SIDE, SIDE, 3), GREY, np.uint8)
        square[: small.shape[0], : small.shape[1]] = small
        maps = self._session.run(None, {self._input: ((square - MEAN) / STD).transpose(2, 0, 1)[None]})
        boxes: list[list[float]] = []
        scores: list[float] = []
        for stride, logits, distances in zip(STRIDES, maps[:3], maps[3:], strict=True):
            found = 1 / (1 + np.exp(-logits[0, 0]))
            for y, x in zip(*np.where(found >= least), strict=True):
                left, top, right, bottom = (float(v) for v in distances[0, :, y, x])
                corner = x * stride - left, y * stride - top
                boxes.append([v / scale for v in (*corner, left + right, top + bottom)])
                scores.append(float(found[y, x]))
        kept = cv2.dnn.NMSBoxes(boxes, scores, least, LARGEST_OVERLAP) if boxes else []
        return [(boxes[i], scores[i]) for i in np.array(kept, int).reshape(-1)]
