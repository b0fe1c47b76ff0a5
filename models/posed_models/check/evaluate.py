"""Accuracy of an ONNX network: on annotated photos, or on persons that training held out.

In: NAME.onnx or NAME.toml, annotations and photos, or crops. Out: figures by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from posed_models.check.estimator import Estimator
from posed_models.errors import PosedModelsError
from posed_models.nets import importing
from posed_models.tasks import TASKS
from posed_models.tasks.pose import POSE
from posed_models.training.native.network import quick


def held_out_figures(
    model: str | Path, data: Sequence[str], photos: str | None, share: float, teacher: str | Path | None = None
) -> dict[str, float]:
    """What the network's task measures of the `share` of `data` that training held out, cut as for training.

    `teacher`: weights that say where the joints of persons are who have a box only, and what heatmaps are to be.
    """
    session = Estimator(model).session
    task = next((t for t in TASKS.values() if t.output == session.output), POSE)
    first, *others = [task.read(file, photos, "cpu", teacher is not None).split(share)[1] for file in data]
    judge = task.held_out(first.join(others), *session.size)
    asked = quick(importing.folded(importing.load(teacher)).eval(), *session.size) if teacher is not None else None
    found = judge.figures(lambda x: torch.from_numpy(session.run(x.numpy())), asked)
    if not found:
        raise PosedModelsError("no joint of the held-out persons is labelled: add --teacher, whose joints count instead")
    return found


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
