"""Accuracy of an ONNX network: on annotated photos, or on persons that training held out.

In: NAME.onnx or NAME.toml, annotations and photos, or crops. Out: figures by name.
"""

from __future__ import annotations

from pathlib import Path

import torch

from posed_models.check.estimator import Estimator
from posed_models.data.crops import CropSet
from posed_models.errors import PosedModelsError
from posed_models.tasks import TASKS
from posed_models.tasks.pose import POSE


def held_out_figures(model: str | Path, held: CropSet) -> dict[str, float]:
    """PCK@0.2 and AP in per cent, of the persons `held` out of training, cut as for training (heldout.py)."""
    session = Estimator(model).session
    if not (held.keypoints[..., 2] > 0).any():
        raise PosedModelsError("no joint of the held-out persons is labelled: nothing to compare with")
    return POSE.held_out(held, *session.size).figures(lambda x: torch.from_numpy(session.run(x.numpy())), None)


def figures(
    model: str | Path, annotations: str | Path, photos: str | Path, detections: str | Path | None = None
) -> dict[str, float]:
    """Of the network's own task, if these annotations tell of it, else of the first task that they tell of."""
    path = Path(annotations)
    able = [task for task in TASKS.values() if task.annotated(path)]
    if not able:
        raise PosedModelsError(f"{path}: no such file")
    output = Estimator(model).session.output
    task = next((t for t in able if t.output == output), able[0])
    return task.figures(model, path, photos, detections)
