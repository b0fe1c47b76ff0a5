"""`import`: weights of others to ONNX and card, proven equal to their source."""

from __future__ import annotations

import argparse
from pathlib import Path

from posed_models.check import equal
from posed_models.commands import options as shared
from posed_models.commands.options import Parser
from posed_models.nets.lite_hrnet import ARCHS

NAME = "import"
SAYS = "weights of others to ONNX and card"


def options(p: Parser) -> None:
    p.add_argument("source", help=".pth, .pt, .npz, float .onnx or OpenVINO .xml")
    p.add_argument("out", help="NAME.onnx; the card goes beside it")
    shared.size(p)
    shared.origin(p)
    p.add_argument("--trust", action="store_true", help="allow pickled objects, which may run code, in SOURCE")


def run(a: argparse.Namespace) -> None:
    height, width = a.size
    imported, error = equal.import_file(a.source, a.out, height, width, a.licence, a.origin, a.trust)
    title = ARCHS[imported.arch].title
    print(f"{title}, {imported.task.name}, {imported.outputs} outputs; differs from its source by {error:.1e}")
    print(f"saved {a.out} and {Path(a.out).with_suffix('.toml')}")
