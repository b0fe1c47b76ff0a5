"""`golden`: a golden input and output for cards."""

from __future__ import annotations

import argparse

from posed_models.check.card import set_golden
from posed_models.commands.options import Parser

NAME = "golden"
SAYS = "a golden input and output for cards"


def options(p: Parser) -> None:
    p.add_argument("cards", nargs="+", help="NAME.toml; golden.png beside it is the picture, drawn if there is none")


def run(a: argparse.Namespace) -> None:
    for path in a.cards:
        set_golden(path)
        print(f"{path}: golden table written")
