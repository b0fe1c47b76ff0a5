"""`eval`: AP, PCKh or mean IoU of an ONNX network."""

from __future__ import annotations

import argparse

from posed_models.check import evaluate
from posed_models.commands.options import Parser, print_figures
from posed_models.errors import PosedModelsError

NAME = "eval"
SAYS = "AP, PCKh or mean IoU of an ONNX network"


def options(p: Parser) -> None:
    p.add_argument("model", help="NAME.toml or NAME.onnx")
    p.add_argument("--annotations", help="COCO keypoint JSON, mmpose's MPII JSON, or a folder of mask PNGs")
    p.add_argument("--images", help="folder of the photos")
    p.add_argument("--data", nargs="+", help="instead: what train read; PCK and AP of at most 500 of those that it held out")
    p.add_argument("--hold-out", type=float, default=0.05, help="the share that it held out; 1: all")
    p.add_argument("--teacher", help="weights whose joints count for persons by box only (taught_pck, taught_ap)")
    p.add_argument("--detections", help="write the detections here, as COCO results")


def run(a: argparse.Namespace) -> None:
    if a.data:
        figures = evaluate.held_out_figures(a.model, a.data, a.images, a.hold_out, a.teacher)
    elif a.annotations and a.images:
        figures = evaluate.figures(a.model, a.annotations, a.images, a.detections)
    else:
        raise PosedModelsError("give --annotations with --images, or --data: what shall it be measured on?")
    print_figures(a.model, figures)
