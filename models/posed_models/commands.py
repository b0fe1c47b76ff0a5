"""What each command does; cli.py reads the arguments."""

from __future__ import annotations

import argparse
import copy
import json
import os
import sys
from pathlib import Path

import torch

from posed_models import card, crops, curve, evaluate, importing, labelling, masks, quantise
from posed_models.augment import Augmenter
from posed_models.blocks import fold_bn
from posed_models.checkpoint import Imported
from posed_models.complexity import complexity
from posed_models.crops import CropSet
from posed_models.errors import PosedModelsError
from posed_models.export import export_float, export_int8
from posed_models.heldout import Forward, HeldOut
from posed_models.log import RunLog
from posed_models.native.trainer import NativeTrainer, forward
from posed_models.native.tuner import NativeTuner
from posed_models.nets import ARCHS, build, enliven
from posed_models.rounding import unrounded
from posed_models.skeletons import output_names
from posed_models.train import Settings, Trainer

TABLE_SIZES = (("pose", 17, 256, 192), ("pose", 17, 384, 288), ("pose", 16, 256, 256))


def size(text: str) -> tuple[int, int]:
    """`192x256` (width x height) to (height, width)."""
    try:
        width, height = (int(v) for v in text.lower().split("x"))
    except ValueError as e:
        raise argparse.ArgumentTypeError(f"{text!r}: write WIDTHxHEIGHT, such as 192x256") from e
    return height, width


def _device(a: argparse.Namespace) -> str:
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))  # one GPU for each process of torchrun
    return a.device or ("cuda" if torch.cuda.is_available() else "cpu")


def _data(a: argparse.Namespace, device: str) -> tuple[CropSet, CropSet]:
    segmentation = getattr(a, "task", "pose") == "segmentation"
    everyone = (masks.read if segmentation else crops.read)(a.data, a.images, device)
    if a.limit:
        everyone = everyone.subset(range(min(a.limit, len(everyone))))
    seen, held = everyone.split(a.hold_out)
    print(f"{len(seen)} persons to train on, {len(held)} held out, on {device}", flush=True)
    return seen.store(a.memory_gb), held.store(a.memory_gb)


def nets(a: argparse.Namespace) -> None:
    """Prints parameters and FLOPs of every network."""
    print(f"{'network':<28} {'task':<13} {'input':>9} {'outputs':>7} {'parameters':>11} {'MFLOPs':>9} {'conv MMACs':>11}")
    rows: list[tuple[str, str, int, int, int, bool | None]] = [(arch, *row, None) for arch in ARCHS for row in TABLE_SIZES]
    rows += [("lite18", "segmentation", 19, 512, 1024, True), ("lite30", "segmentation", 19, 512, 1024, True)]
    rows += [("lite18", "segmentation", 2, 192, 192, False)]
    for arch, task, outputs, height, width, every in rows:
        c = complexity(build(arch, task, outputs, every), height, width)
        print(
            f"{ARCHS[arch].title:<28} {task:<13} {f'{width}x{height}':>9} {outputs:>7} {c.parameters:>11,} "
            f"{c.mflops:>9.1f} {c.macs / 1e6:>11.1f}"
        )


def import_(a: argparse.Namespace) -> None:
    """Weights of others to ONNX and card."""
    height, width = a.size
    imported, error = importing.import_file(a.source, a.out, height, width, a.licence, a.origin, a.trust)
    print(f"{ARCHS[imported.arch].title}, {imported.task}, {imported.outputs} outputs; differs from its source by {error:.1e}")
    print(f"saved {a.out} and {Path(a.out).with_suffix('.toml')}")


def export(a: argparse.Namespace) -> None:
    """A network with random weights, to try an engine with."""
    height, width = a.size
    outputs = a.classes if a.task == "segmentation" else a.joints
    torch.manual_seed(a.random)
    net = build(a.arch, a.task, outputs)
    enliven(net, height, width)
    imported = Imported(fold_bn(net), a.arch, a.task, outputs, True)  # type: ignore[arg-type]
    export_float(imported.net, a.out, height, width)
    made = importing.describe(imported, height, width, "float32", "CC0-1.0", f"random weights, seed {a.random}: knows nothing")
    card.write(made, a.out)
    print(f"saved {a.out} and {Path(a.out).with_suffix('.toml')}")


def label(a: argparse.Namespace) -> None:
    """posed's lines to a COCO keypoint file."""
    found = labelling.to_coco(a.lines)
    Path(a.out).write_text(json.dumps(found))
    print(f"saved {a.out}: {len(found['annotations'])} persons in {len(found['images'])} photos")


def train(a: argparse.Namespace) -> None:
    """Distils or trains; see train.py."""
    device = _device(a)
    seen, held = _data(a, device)
    teacher = None
    if a.teacher:
        teacher = importing.folded(importing.load(a.teacher)).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    height, width = a.size
    settings = Settings(
        arch=a.arch, task=a.task, height=height, width=width, steps=a.steps, minutes=a.minutes, batch=a.batch,
        optimiser=a.optimiser, lr=a.lr, feature_weight=a.feature_weight, label_weight=a.label_weight,
        eval_minutes=a.eval_minutes, seed=a.seed, amp=a.amp,
    )  # fmt: skip
    if device == "cuda":
        torch.backends.cudnn.benchmark = True
    out = Path(a.out)
    kind = NativeTrainer if a.native else Trainer
    trainer = kind(settings, seen, HeldOut(held, height, width) if len(held) else None, teacher, out)
    if a.resume:
        trainer.resume(out / "resume.pt")
        print(f"going on from step {trainer.done}")
    elif a.init:
        first = importing.load(a.init)
        if first.folded or first.arch != a.arch:
            raise PosedModelsError(f"{a.init}: --init wants an unfolded checkpoint of {a.arch}, this is {first.arch}")
        trainer.start_from(first.net)
    elif teacher is not None:
        print(f"{trainer.start_from_teacher()} convolutions copied from the teacher")
    trainer.run(a.quiet)
    if trainer.workers.first:
        print(f"saved {out / 'best.pt'} and {out / 'last.pt'}: {trainer.done} steps, {trainer.crops} crops in all")


def quantise_(a: argparse.Namespace) -> None:
    """Float weights to int8 and float ONNX with cards, with a report."""
    device = _device(a)
    seen, held = _data(a, device)
    imported = importing.load(a.source, a.trust)
    height, width = a.size
    if a.native and (imported.task != "pose" or device != "cpu"):
        raise PosedModelsError("--native fine-tunes poses on the CPU: leave it away for segmentation and for CUDA")
    net = importing.folded(imported).to(device)
    teacher = importing.folded(importing.load(a.teacher)).to(device) if a.teacher else copy.deepcopy(net)
    truth = copy.deepcopy(net)
    generator = torch.Generator(device).manual_seed(a.seed)
    torch.manual_seed(a.seed)
    augment = Augmenter(seen, height, width, generator)
    q = quantise.calibrate(net, augment)  # type: ignore[arg-type]
    test = HeldOut(held, height, width) if len(held) and imported.task == "pose" else None

    tuner = NativeTuner(q, teacher, augment, a.seed) if a.native else None  # type: ignore[arg-type]
    rounded: Forward = q if tuner is None else forward(tuner.network)
    exact: Forward = truth
    if tuner is not None:
        exact = forward(tuner.beside(truth) if a.teacher else tuner.teacher)  # type: ignore[arg-type]
    sample = augment.draw(4).x

    def compare(when: str) -> None:
        if test is not None:
            before, after = test.figures(exact, None), test.figures(rounded, exact)
            words = [f"heatmap error {after['held_out_error']:.4f}"]
            if "held_out_pck" in after:
                words.append(f"PCK@0.2 {before['held_out_pck']:.1f} float, {after['held_out_pck']:.1f} int8")
            if "held_out_ap" in after:
                words.append(f"AP {before['held_out_ap']:.1f} float, {after['held_out_ap']:.1f} int8")
            print(f"{when}, {len(test.crops)} held-out persons: {', '.join(words)}", flush=True)

    compare("calibrated")
    out = Path(a.out)
    if a.steps or a.minutes:
        log = RunLog(out.parent / (out.name + ".finetune"))
        tuning = quantise.FineTuning(a.steps, a.minutes, a.batch, a.lr)
        if tuner is None:
            quantise.fine_tune(q, teacher, augment, tuning, log)  # type: ignore[arg-type]
        else:
            tuner.fine_tune(tuning, log)
        log.close()
        compare("fine-tuned")
    lines = quantise.noise(q, sample)
    report = Path(f"{out}.noise.txt")
    report.write_text(quantise.table(lines) + "\n")
    print(quantise.table(lines, 8) + f"\n… {len(lines)} lines in {report}")
    how = "fine-tuned with rounding in the loop" if a.steps or a.minutes else "calibrated only"
    origin = a.origin or f"{Path(a.source).name}"
    export_int8(q, f"{out}.onnx", height, width)
    card.write(importing.describe(imported, height, width, "int8", a.licence, f"{origin}, {how}"), f"{out}.onnx")
    # Corrected biases belong to the rounding; fine-tuned weights are good without it too.
    export_float(unrounded(q) if a.steps or a.minutes else truth, f"{out}_f32.onnx", height, width)
    card.write(importing.describe(imported, height, width, "float32", a.licence, origin), f"{out}_f32.onnx")
    print(f"saved {out}.onnx and {out}_f32.onnx with their cards")
    if a.eval:
        for name in (f"{out}_f32.onnx", f"{out}.onnx"):
            _print_figures(name, evaluate.figures(name, a.eval, a.eval_images))


def _print_figures(name: str, figures: dict[str, float]) -> None:
    print(f"{name}: " + "  ".join(f"{k} {v:.3f}" if abs(v) <= 1 else f"{k} {v:.1f}" for k, v in figures.items()))


def eval_(a: argparse.Namespace) -> None:
    """AP, PCKh or mean IoU of an ONNX network."""
    if a.data:
        _, held = crops.read(a.data, a.images).split(a.hold_out)
        figures = evaluate.held_out_figures(a.model, held)
    elif a.annotations and a.images:
        figures = evaluate.figures(a.model, a.annotations, a.images, a.detections)
    else:
        raise PosedModelsError("give --annotations with --images, or --data: what shall it be measured on?")
    _print_figures(a.model, figures)


def card_(a: argparse.Namespace) -> None:
    """A card for an ONNX file of any origin."""
    names = a.names.split(",") if a.names else list(output_names(a.task, a.outputs))
    accuracy = {k: v for k, v in (("ap", a.ap), ("ap50", a.ap50), ("pck", a.pck)) if v is not None}
    made = card.Card(
        a.title, a.precision, names, a.task, a.parameters, a.flops, a.licence, a.origin, notes=a.note, accuracy=accuracy
    )
    print(f"saved {card.write(made, a.onnx)}")


def golden_(a: argparse.Namespace) -> None:
    """Golden tables for cards."""
    for path in a.cards:
        card.set_golden(path)
        print(f"{path}: golden table written")


def curve_(a: argparse.Namespace) -> None:
    """The learning curve."""
    curve.draw(a.logs, a.out, a.batch)
    print(f"saved {a.out}")


def report_error(e: PosedModelsError) -> int:
    print(f"error: {e}", file=sys.stderr)
    return 1
