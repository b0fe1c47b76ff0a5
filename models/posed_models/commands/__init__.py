"""The commands: one file each, which says its name, what it does, its options, and runs it; and one line of [`COMMANDS`]."""

from __future__ import annotations

import argparse
from typing import Protocol

from posed_models.commands import card, curve, eval_, export, golden, import_, label, nets, persons, quantise, train
from posed_models.commands.options import Parser


class Command(Protocol):
    """What a file of this folder has."""

    NAME: str
    SAYS: str

    def options(self, p: Parser, /) -> None: ...

    def run(self, a: argparse.Namespace, /) -> None: ...


COMMANDS: tuple[Command, ...] = (nets, import_, export, label, persons, train, quantise, eval_, card, golden, curve)
