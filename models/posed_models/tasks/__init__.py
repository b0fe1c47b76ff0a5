"""What a network can be for: one file a task, and one line of [`TASKS`].

Nobody outside this folder asks which task it is; whatever differs between tasks, a [`Task`] answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Size

from posed_models.errors import PosedModelsError
from posed_models.nets.lite_hrnet import ARCHS, Head, LiteHRNet
from posed_models.tasks.finder import FINDER
from posed_models.tasks.pose import POSE
from posed_models.tasks.segmentation import SEGMENTATION
from posed_models.tasks.task import Task

TASKS: dict[str, Task[Any]] = {task.name: task for task in (POSE, SEGMENTATION, FINDER)}


def find(name: str) -> Task[Any]:
    """The task of that name."""
    if name not in TASKS:
        raise PosedModelsError(f"no task {name!r}: choose {' or '.join(TASKS)}")
    return TASKS[name]


def build(arch: str, task: str | Task[Any] = POSE, outputs: int = 17) -> LiteHRNet:
    """A network with random weights and the task's usual head; `outputs`: joints or classes."""
    if arch not in ARCHS:
        raise PosedModelsError(f"no architecture {arch!r}: choose one of {', '.join(ARCHS)}")
    if outputs < 1:
        raise PosedModelsError(f"a network needs at least one joint or class, found {outputs}")
    task = find(task) if isinstance(task, str) else task
    return task.net(arch, task.heads(ARCHS[arch].channels, outputs)[0])


def head_like(task: Task[Any], arch: str, last: Size) -> Callable[[], Head] | None:
    """The form of the task's head whose last convolution has a weight of this shape."""
    heads = task.heads(ARCHS[arch].channels, last[0])
    return next((head for head in heads if head().last.weight.shape[:2] == last[:2]), None)
