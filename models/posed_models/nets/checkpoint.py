"""Weights of others, and ours, into a network.

In: a .pth or .pt file: the official Lite-HRNet repository, mmpose 0.x or 1.x, mmsegmentation, or our own training; or an .npz of
folded convolutions. Out: the network, its architecture found from the shapes.

What differs between the sources: an outer `state_dict` or `model`; a `module.` prefix from data-parallel training; mmpose 1.x
names the head `head.` and adds `data_preprocessor.`; older torch lacks `num_batches_tracked`; auxiliary heads and teachers
are not ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from posed_models.errors import PosedModelsError
from posed_models.nets.blocks import fold_bn
from posed_models.nets.lite_hrnet import ARCHS, Head, LiteHRNet
from posed_models.tasks import TASKS, Task, head_like

_RENAMES = ((r"^module\.", ""), (r"^head\.final_layer\.", "keypoint_head.final_layer."))
_IGNORED = ("data_preprocessor.", "auxiliary_head.", "loss", "ema_", "head.loss_module.")


@dataclass
class Imported:
    """A network in eval mode, and what is known of it. `folded`: its batch norms are already in the convolutions."""

    net: LiteHRNet
    task: Task
    folded: bool

    @property
    def arch(self) -> str:
        """The network's architecture."""
        return self.net.arch

    @property
    def outputs(self) -> int:
        """Its number of joints or classes."""
        return self.net.outputs


def official_names(raw: Mapping[str, Any]) -> dict[str, Tensor]:
    """The network's own tensors of a checkpoint, by their names in the official repository."""
    state: Mapping[str, Any] = raw
    for key in ("state_dict", "model"):
        if isinstance(raw.get(key), Mapping):
            state = raw[key]
            break
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        for pattern, to in _RENAMES:
            name = re.sub(pattern, to, name)
        if isinstance(value, Tensor) and not name.startswith(_IGNORED):
            out[name] = value.float() if value.is_floating_point() else value
    return out


def find_arch(state: Mapping[str, Tensor]) -> tuple[str, Task, Callable[[], Head]]:
    """Architecture, task, and what makes a head of the right form."""
    if "backbone.stem.conv1.conv.weight" not in state:
        raise PosedModelsError(
            "no tensor `backbone.stem.conv1.conv.weight`: this is no Lite-HRNet checkpoint. "
            f"It begins with {', '.join(list(state)[:3]) or 'nothing'}"
        )
    lite = any("cross_resolution_weighting" in k for k in state)
    modules = tuple(1 + max(_numbers(state, rf"^backbone\.stage{s}\.(\d+)\.")) for s in range(3))
    width = state["backbone.stage0.0.fuse_layers.0.1.0.weight"].shape[0]
    arch = next(
        (k for k, a in ARCHS.items() if (a.lite, a.modules, a.channels[0]) == (lite, modules, width)),
        None,
    )
    if arch is None:
        kind = "Lite" if lite else "Naive"
        raise PosedModelsError(f"{kind} blocks, {modules} modules, {width} channels: none of {', '.join(ARCHS)}")
    for task in TASKS.values():
        last = state.get(f"{task.last}.weight")
        if last is not None and (head := head_like(task, arch, last.shape)) is not None:
            return arch, task, head
    known = ", ".join(f"`{task.last}.weight`" for task in TASKS.values())
    raise PosedModelsError(f"none of {known} in a shape that we know: head not known")


def _numbers(state: Mapping[str, Tensor], pattern: str) -> list[int]:
    found = [int(m[1]) for k in state if (m := re.match(pattern, k))]
    if not found:
        raise PosedModelsError(f"no tensor like {pattern}: the checkpoint is cut short. Fetch it again")
    return found


def from_state(raw: Mapping[str, Any]) -> Imported:
    """Builds the network of a checkpoint and fills it; every tensor must find its place."""
    state = official_names(raw)
    arch, task, head = find_arch(state)
    broken = [k for k, v in state.items() if v.is_floating_point() and not v.isfinite().all()]
    if broken:
        raise PosedModelsError(
            f"{broken[0]} has infinite or undefined values: was it stored in too few bits? Use the float32 file"
        )
    net = task.net(arch, head)
    folded = "backbone.stem.conv1.bn.weight" not in state
    if folded:
        fold_bn(net)
    own = net.state_dict()
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    extra = [k for k in state if k not in own]
    wrong = [k for k, v in state.items() if k in own and v.numel() != own[k].numel()]
    for names, problem in ((missing, "lacks"), (extra, "has, unknown to us,"), (wrong, "has in another shape")):
        if names:
            raise PosedModelsError(f"the checkpoint {problem} {len(names)} tensors of {arch}, first {names[0]}")
    net.load_state_dict({k: v.reshape(own[k].shape) for k, v in state.items()}, strict=False)
    return Imported(net.eval(), task, folded)


def load(path: str | Path, trust: bool = False) -> Imported:
    """Reads a .pth, .pt or .npz file. `trust`: allow pickled objects, which may run code, in a .pth of somebody you know."""
    path = Path(path)
    if not path.is_file():
        raise PosedModelsError(f"{path}: no such file")
    try:
        if path.suffix == ".npz":
            with np.load(path) as z:
                return from_state({k: torch.from_numpy(z[k].astype(np.float32)) for k in z.files})
        raw = torch.load(path, map_location="cpu", weights_only=not trust)
    except PosedModelsError as e:
        raise PosedModelsError(f"{path}: {e}") from e
    except Exception as e:
        mend = "" if trust else ". If you know where it is from, add --trust"
        raise PosedModelsError(f"{path}: cannot be read: {str(e).splitlines()[0]}{mend}") from e
    if not isinstance(raw, Mapping):
        raise PosedModelsError(f"{path}: holds a {type(raw).__name__}, not a checkpoint of named tensors")
    try:
        return from_state(raw)
    except PosedModelsError as e:
        raise PosedModelsError(f"{path}: {e}") from e
