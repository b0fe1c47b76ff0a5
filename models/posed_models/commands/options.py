"""Options that several commands share, and what they mean."""

from __future__ import annotations

import argparse
import os
from typing import Any

import torch

from posed_models.data import crops
from posed_models.tasks import Task
from posed_models.tasks.pose import POSE

Parser = argparse.ArgumentParser


def pixels(text: str) -> tuple[int, int]:
    """`192x256` (width x height) to (height, width)."""
    try:
        width, height = (int(v) for v in text.lower().split("x"))
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{text!r}: write WIDTHxHEIGHT, such as 192x256") from e
    return height, width


def size(p: Parser, default: str = "192x256") -> None:
    p.add_argument("--size", type=pixels, default=pixels(default), help=f"WIDTHxHEIGHT, default {default}")


def data(p: Parser) -> None:
    says = "persons.npz, a COCO JSON, mmpose's MPII JSON, or a folder of photos; or several of these"
    p.add_argument("--data", required=True, nargs="+", help=says)
    p.add_argument("--images", help="folder of the photos that a JSON names")
    p.add_argument("--limit", type=int, help="use only so many persons of each file")
    p.add_argument("--hold-out", type=float, default=0.05, help="share of the photos kept for measuring")
    p.add_argument("--memory-gb", type=float, default=6, help="keep decoded crops in memory up to this size")
    p.add_argument("--device", help="cpu or cuda; default: cuda if there is one")
    p.add_argument("--seed", type=int, default=0)


def steps(p: Parser, batch: int, lr: float) -> None:
    p.add_argument("--steps", type=int, help="end after so many steps; the same seed then gives the same losses")
    p.add_argument("--minutes", type=float, help="end after so many minutes")
    p.add_argument("--batch", type=int, default=batch)
    p.add_argument("--lr", type=float, default=lr)


def origin(p: Parser) -> None:
    p.add_argument("--licence", default="", help="of the weights, for the card")
    p.add_argument("--origin", default="", help="where the weights are from, for the card")


def device(a: argparse.Namespace) -> str:
    """The one asked for, or CUDA if there is one."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))  # one GPU for each process of torchrun
    return a.device or ("cuda" if torch.cuda.is_available() else "cpu")


def examples(a: argparse.Namespace, device: str, task: Task | None = None) -> tuple[Any, Any]:
    """Those to learn from and those held out, as `task` reads them; without one, pictures are enough.

    Persons by box only count where somebody tells of them: a teacher, or the network itself that is quantised.
    """
    read, boxed = task.read if task is not None else crops.read, task is None or bool(a.teacher)
    parts = []
    for file in a.data:
        everyone = read(file, a.images, device, boxed)
        if a.limit:
            everyone = everyone.subset(range(min(a.limit, len(everyone))))
        parts.append(everyone.split(a.hold_out))
    seen, held = (side[0].join(side[1:]) for side in zip(*parts, strict=True))
    what = task.examples if task is not None else POSE.examples
    print(f"{len(seen)} {what} to train on, {len(held)} held out, on {device}", flush=True)
    return seen.store(a.memory_gb), held.store(a.memory_gb)


def print_figures(name: str, figures: dict[str, float]) -> None:
    """One line: shares with three digits, per cents with one."""
    print(f"{name}: " + "  ".join(f"{k} {v:.3f}" if abs(v) <= 1 else f"{k} {v:.1f}" for k, v in figures.items()))
