"""Accuracy of an ONNX network: on annotated photos, or on persons that training held out.

In: NAME.onnx or NAME.toml, annotations and photos, or crops. Out: figures by name.
"""

from __future__ import annotations

from pathlib import Path

import torch

from posed_models.check.estimator import Estimator
from posed_models.data.crops import CropSet
from posed_models.errors import PosedModelsError
from posed_models.nets import importing
from posed_models.tasks import TASKS
from posed_models.tasks.pose import POSE
from posed_models.training.native.network import quick


def held_out_figures(model: str | Path, held: CropSet, teacher: str | Path | None = None) -> dict[str, float]:
    """PCK@0.2 and AP in per cent, of the persons `held` out of training, cut as for training (heldout.py).

    `teacher`: weights that say where the joints of persons are who have a box only, and what heatmaps are to be.
    """
    session = Estimator(model).session
    if teacher is None and not held.labelled().any():
        raise PosedModelsError("no joint of the held-out persons is labelled: add --teacher, whose joints count instead")
    asked = quick(importing.folded(importing.load(teacher)).eval(), *session.size) if teacher is not None else None
    return POSE.held_out(held, *session.size).figures(lambda x: torch.from_numpy(session.run(x.numpy())), asked)


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
