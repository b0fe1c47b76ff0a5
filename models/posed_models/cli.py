"""The command line: `python -m posed_models COMMAND …`; `--help` after a command shows its options."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from posed_models.commands import COMMANDS
from posed_models.commands.options import Parser
from posed_models.errors import PosedModelsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 if it went well."""
    parser = Parser(prog="posed_models", description=__doc__)
    sub = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        p = sub.add_parser(command.NAME, help=command.SAYS, description=command.SAYS)
        command.options(p)
        p.set_defaults(run=command.run)
    a = parser.parse_args(arguments)
    try:
        a.run(a)
    except PosedModelsError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0
