"""`card`: a card for an ONNX file of any origin."""

from __future__ import annotations

import argparse

from posed_models.check.card import Card, write
from posed_models.commands import options as shared
from posed_models.commands.options import Parser
from posed_models.tasks import TASKS

NAME = "card"
SAYS = "a card for any ONNX file"


def options(p: Parser) -> None:
    p.add_argument("onnx")
    p.add_argument("--title", required=True)
    p.add_argument("--precision", choices=("float32", "int8"), required=True)
    p.add_argument("--task", choices=TASKS, default="pose")
    p.add_argument("--outputs", type=int, default=17, help="17 joints of COCO, 16 of MPII, 2 or 19 classes")
    p.add_argument("--names", help="names of joints or classes, separated by commas, instead of the known ones")
    p.add_argument("--parameters", default="")
    p.add_argument("--flops", default="")
    shared.origin(p)
    for name in ("ap", "ap50", "pck"):
        p.add_argument(f"--{name}", type=float, help="accuracy in per cent")
    p.add_argument("--note", action="append", default=[], help="how the accuracy was measured; a comment in the card")


def run(a: argparse.Namespace) -> None:
    task = TASKS[a.task]
    names = a.names.split(",") if a.names else list(task.names(a.outputs))
    accuracy = {k: v for k, v in (("ap", a.ap), ("ap50", a.ap50), ("pck", a.pck)) if v is not None}
    made = Card(a.title, a.precision, names, task, a.parameters, a.flops, a.licence, a.origin, notes=a.note, accuracy=accuracy)
    print(f"saved {write(made, a.onnx)}")
