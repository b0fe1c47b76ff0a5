"""`curve`: the learning curve as a picture."""

from __future__ import annotations

import argparse

from posed_models.commands.options import Parser
from posed_models.training.curve import draw

NAME = "curve"
SAYS = "the learning curve as a picture"


def options(p: Parser) -> None:
    p.add_argument("logs", nargs="+", help="log.csv of runs, or the text log of an older train")
    p.add_argument("--out", required=True, help="picture.png")
    p.add_argument("--batch", type=int, default=16, help="crops a step, for text logs")


def run(a: argparse.Namespace) -> None:
    draw(a.logs, a.out, a.batch)
    print(f"saved {a.out}")
