"""The command line: `python -m posed_models COMMAND …`; `--help` after a command shows its options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from posed_models import commands
from posed_models.errors import PosedModelsError
from posed_models.nets import ARCHS
from posed_models.optimiser import KINDS

Parser = argparse.ArgumentParser


def _size(p: Parser, default: str = "192x256") -> None:
    p.add_argument("--size", type=commands.size, default=commands.size(default), help=f"WIDTHxHEIGHT, default {default}")


def _data(p: Parser) -> None:
    p.add_argument("--data", required=True, help="persons.npz, a COCO keypoint JSON, mmpose's MPII JSON, or a folder of photos")
    p.add_argument("--images", help="folder of the photos that a JSON names")
    p.add_argument("--limit", type=int, help="use only so many persons")
    p.add_argument("--hold-out", type=float, default=0.05, help="share of the photos kept for measuring")
    p.add_argument("--memory-gb", type=float, default=6, help="keep decoded crops in memory up to this size")
    p.add_argument("--device", help="cpu or cuda; default: cuda if there is one")
    p.add_argument("--seed", type=int, default=0)


def _steps(p: Parser, batch: int, lr: float) -> None:
    p.add_argument("--steps", type=int, help="end after so many steps; the same seed then gives the same losses")
    p.add_argument("--minutes", type=float, help="end after so many minutes")
    p.add_argument("--batch", type=int, default=batch)
    p.add_argument("--lr", type=float, default=lr)


def _origin(p: Parser) -> None:
    p.add_argument("--licence", default="", help="of the weights, for the card")
    p.add_argument("--origin", default="", help="where the weights are from, for the card")


def _nets(p: Parser) -> None:
    del p


def _import(p: Parser) -> None:
    p.add_argument("source", help=".pth, .pt, .npz, float .onnx or OpenVINO .xml")
    p.add_argument("out", help="NAME.onnx; the card goes beside it")
    _size(p)
    _origin(p)
    p.add_argument("--trust", action="store_true", help="allow pickled objects, which may run code, in SOURCE")


def _export(p: Parser) -> None:
    p.add_argument("out", help="NAME.onnx; the card goes beside it")
    p.add_argument("--arch", choices=ARCHS, default="lite18")
    p.add_argument("--task", choices=("pose", "segmentation"), default="pose")
    p.add_argument("--joints", type=int, default=17)
    p.add_argument("--classes", type=int, default=2)
    p.add_argument("--random", type=int, default=0, metavar="SEED", help="seed of the random weights")
    _size(p)


def _label(p: Parser) -> None:
    p.add_argument("lines", help="what `posed image PHOTO…` printed")
    p.add_argument("--out", required=True, help="annotations.json; train takes it as --data, with --images where posed ran")


def _train(p: Parser) -> None:
    _data(p)
    p.add_argument("--out", required=True, help="folder of the run")
    p.add_argument("--arch", choices=ARCHS, default="lite18")
    p.add_argument("--task", choices=("pose", "segmentation"), default="pose", help="segmentation: person or background")
    p.add_argument("--teacher", help="weights to distil from: .pth, .pt, .npz, float .onnx or OpenVINO .xml")
    p.add_argument("--init", help="begin with these weights")
    p.add_argument("--resume", action="store_true", help="go on where the run in --out ended")
    _size(p)
    _steps(p, 32, 2e-3)
    p.add_argument("--optimiser", choices=KINDS, default="adamw", help="muon: the matrices by Muon, the rest by AdamW")
    p.add_argument("--feature-weight", type=float, default=0.2, help="of the teacher's feature maps in the loss")
    p.add_argument("--label-weight", type=float, default=0.0, help="of labelled joints beside a teacher")
    p.add_argument("--eval-minutes", type=float, default=5.0, help="measure on the held-out persons this often")
    p.add_argument("--native", action="store_true", help="on a CPU, five times as fast: compiled C++ (needs g++), by Muon")
    p.add_argument("--amp", action="store_true", help="bfloat16 autocast (CUDA)")
    p.add_argument("--quiet", action="store_true", help="no progress bar")


def _quantise(p: Parser) -> None:
    p.add_argument("source", help="float weights: .pth, .pt, .npz, float .onnx or OpenVINO .xml")
    _data(p)
    p.add_argument("--out", required=True, help="writes OUT.onnx, OUT_f32.onnx, their cards, OUT.noise.txt")
    p.add_argument("--teacher", help="fine-tune towards these weights instead of SOURCE's own")
    _size(p)
    _steps(p, 32, 3e-5)
    p.add_argument("--native", action="store_true", help="on a CPU, several times as fast: compiled C++ (needs g++), by Muon")
    _origin(p)
    p.add_argument("--eval", help="annotations to measure both networks on, as for the eval command")
    p.add_argument("--eval-images", help="their photos")
    p.add_argument("--trust", action="store_true", help="allow pickled objects in SOURCE")


def _eval(p: Parser) -> None:
    p.add_argument("model", help="NAME.toml or NAME.onnx")
    p.add_argument("--annotations", help="COCO keypoint JSON, mmpose's MPII JSON, or a folder of mask PNGs")
    p.add_argument("--images", help="folder of the photos")
    p.add_argument("--data", help="instead: what train read; PCK and AP of at most 500 of the persons that it held out")
    p.add_argument("--hold-out", type=float, default=0.05, help="the share that it held out")
    p.add_argument("--detections", help="write the detections here, as COCO results")


def _card(p: Parser) -> None:
    p.add_argument("onnx")
    p.add_argument("--title", required=True)
    p.add_argument("--precision", choices=("float32", "int8"), required=True)
    p.add_argument("--task", choices=("pose", "segmentation"), default="pose")
    p.add_argument("--outputs", type=int, default=17, help="17 joints of COCO, 16 of MPII, 2 or 19 classes")
    p.add_argument("--names", help="names of joints or classes, separated by commas, instead of the known ones")
    p.add_argument("--parameters", default="")
    p.add_argument("--flops", default="")
    _origin(p)
    for name in ("ap", "ap50", "pck"):
        p.add_argument(f"--{name}", type=float, help="accuracy in per cent")
    p.add_argument("--note", action="append", default=[], help="how the accuracy was measured; a comment in the card")


def _golden(p: Parser) -> None:
    p.add_argument("cards", nargs="+", help="NAME.toml; golden.png beside it is the picture, drawn if there is none")


def _curve(p: Parser) -> None:
    p.add_argument("logs", nargs="+", help="log.csv of runs, or the text log of train.py")
    p.add_argument("--out", required=True, help="picture.png")
    p.add_argument("--batch", type=int, default=16, help="crops a step, for text logs")


COMMANDS: dict[str, tuple[str, Callable[[Parser], None], Callable[[argparse.Namespace], None]]] = {
    "nets": ("parameters and FLOPs of every network", _nets, commands.nets),
    "import": ("weights of others to ONNX and card", _import, commands.import_),
    "export": ("a network with random weights, to try an engine with", _export, commands.export),
    "label": ("what posed saw in photos, as a COCO file to train on", _label, commands.label),
    "train": ("distil from a teacher, or train on labelled joints", _train, commands.train),
    "quantise": ("float weights to int8, with or without fine-tuning", _quantise, commands.quantise_),
    "eval": ("AP, PCKh or mean IoU of an ONNX network", _eval, commands.eval_),
    "card": ("a card for any ONNX file", _card, commands.card_),
    "golden": ("a golden input and output for cards", _golden, commands.golden_),
    "curve": ("the learning curve as a picture", _curve, commands.curve_),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 0 if it went well."""
    parser = Parser(prog="posed_models", description=__doc__)
    sub = parser.add_subparsers(dest="command", required=True)
    for name, (text, fill, run) in COMMANDS.items():
        p = sub.add_parser(name, help=text, description=text)
        fill(p)
        p.set_defaults(run=run)
    a = parser.parse_args(arguments)
    try:
        a.run(a)
    except PosedModelsError as e:
        return commands.report_error(e)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0
