"""`export`: a network with random weights, to try an engine with."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from posed_models.check import card
from posed_models.commands import options as shared
from posed_models.commands.options import Parser
from posed_models.nets.blocks import fold_bn
from posed_models.nets.checkpoint import Imported
from posed_models.nets.export import export_float
from posed_models.nets.lite_hrnet import ARCHS, enliven
from posed_models.tasks import TASKS, build

NAME = "export"
SAYS = "a network with random weights, to try an engine with"


def options(p: Parser) -> None:
    p.add_argument("out", help="NAME.onnx; the card goes beside it")
    p.add_argument("--arch", choices=ARCHS, default="lite18")
    p.add_argument("--task", choices=TASKS, default="pose")
    for task in TASKS.values():
        p.add_argument(f"--{task.counts}", type=int, default=task.usual)
    p.add_argument("--random", type=int, default=0, metavar="SEED", help="seed of the random weights")
    shared.size(p)


def run(a: argparse.Namespace) -> None:
    height, width = a.size
    task = TASKS[a.task]
    torch.manual_seed(a.random)
    net = build(a.arch, task, getattr(a, task.counts))
    enliven(net, height, width)
    imported = Imported(fold_bn(net), task, True)
    export_float(imported.net, a.out, height, width)
    made = card.describe(imported, height, width, "float32", "CC0-1.0", f"random weights, seed {a.random}: knows nothing")
    card.write(made, a.out)
    print(f"saved {a.out} and {Path(a.out).with_suffix('.toml')}")
