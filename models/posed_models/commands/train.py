"""`train`: distil from a teacher, or train on annotations; see training/trainer.py."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from posed_models.commands import options as shared
from posed_models.commands.options import Parser
from posed_models.errors import PosedModelsError
from posed_models.nets import importing
from posed_models.nets.lite_hrnet import ARCHS
from posed_models.tasks import TASKS
from posed_models.training.native.match import WAYS
from posed_models.training.native.trainer import NativeTrainer
from posed_models.training.optimiser import KINDS
from posed_models.training.trainer import Settings, Trainer

NAME = "train"
SAYS = "distil from a teacher, or train on labelled joints"


def options(p: Parser) -> None:
    shared.data(p)
    p.add_argument("--out", required=True, help="folder of the run")
    p.add_argument("--arch", choices=ARCHS, default="lite18")
    says = "; ".join(f"{t.name}: {t.says}" for t in TASKS.values() if t.says)
    p.add_argument("--task", choices=TASKS, default="pose", help=says)
    p.add_argument("--teacher", help="weights to distil from: .pth, .pt, .npz, float .onnx or OpenVINO .xml")
    p.add_argument("--init", help="begin with these weights")
    p.add_argument("--begin", help="begin with what these weights have in the same shape, of another architecture or task")
    p.add_argument("--resume", action="store_true", help="go on where the run in --out ended")
    shared.size(p)
    shared.steps(p, 32, 2e-3)
    p.add_argument("--optimiser", choices=KINDS, default="adamw", help="muon: the matrices by Muon, the rest by AdamW")
    p.add_argument("--feature-weight", type=float, default=0.2, help="of the teacher's feature maps in the loss")
    p.add_argument("--label-weight", type=float, default=0.0, help="of labelled joints beside a teacher")
    p.add_argument("--eval-minutes", type=float, default=5.0, help="measure on the held-out persons this often")
    p.add_argument(
        "--match", nargs="?", choices=WAYS, const=WAYS[0], default="",
        help="with --native: the teacher looks at every crop; follow its heatmaps, or Gaussians at their peaks",
    )  # fmt: skip
    p.add_argument("--no-rooms", action="store_true", help="with --match: no other persons, cut edges, bad light, compression")
    p.add_argument("--native", action="store_true", help="on a CPU, five times as fast: compiled C++ (needs g++), by Muon")
    p.add_argument("--amp", action="store_true", help="bfloat16 autocast (CUDA)")
    p.add_argument("--quiet", action="store_true", help="no progress bar")


def run(a: argparse.Namespace) -> None:
    device, task = shared.device(a), TASKS[a.task]
    if a.match and not a.native:
        raise PosedModelsError("--match belongs to --native: without it, a teacher looks at every crop anyway. Leave it away")
    seen, held = shared.examples(a, device, task)
    teacher = None
    if a.teacher:
        teacher = importing.folded(importing.load(a.teacher)).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    height, width = a.size
    settings = Settings(
        arch=a.arch, task=a.task, height=height, width=width, steps=a.steps, minutes=a.minutes, batch=a.batch,
        optimiser=a.optimiser, lr=a.lr, feature_weight=a.feature_weight, label_weight=a.label_weight,
        eval_minutes=a.eval_minutes, seed=a.seed, amp=a.amp, match=a.match, rooms=not a.no_rooms,
    )  # fmt: skip
    if device == "cuda":
        torch.backends.cudnn.benchmark = True
    out = Path(a.out)
    kind = NativeTrainer if a.native else Trainer
    trainer = kind(settings, seen, task.held_out(held, height, width) if len(held) else None, teacher, out)
    if a.resume:
        trainer.resume(out / "resume.pt")
        print(f"going on from step {trainer.done}")
    elif a.init:
        first = importing.load(a.init)
        if first.folded or first.arch != a.arch:
            raise PosedModelsError(f"{a.init}: --init wants an unfolded checkpoint of {a.arch}, this is {first.arch}")
        trainer.start_from(first.net)
    elif (other := importing.folded(importing.load(a.begin)).eval() if a.begin else teacher) is not None:
        print(f"{trainer.begin_with(other)} convolutions copied from {a.begin or 'the teacher'}")
    trainer.run(a.quiet)
    if trainer.workers.first:
        print(f"saved {out / 'best.pt'} and {out / 'last.pt'}: {trainer.done} steps, {trainer.crops} crops in all")
