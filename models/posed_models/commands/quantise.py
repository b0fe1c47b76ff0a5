"""`quantise`: float weights to int8 and float ONNX with cards, with a report by rounding point."""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import onnx
import torch

from posed_models.check import card, evaluate
from posed_models.check.card import Card
from posed_models.check.heldout import Forward, Judge
from posed_models.commands import options as shared
from posed_models.commands.options import Parser
from posed_models.errors import PosedModelsError
from posed_models.int8 import graph, quantise
from posed_models.int8.dead import silence
from posed_models.int8.rounding import unrounded
from posed_models.nets import importing, rtmdet
from posed_models.nets.export import export_float, export_int8
from posed_models.nets.rtmdet import STRIDES
from posed_models.tasks.detector import DETECTOR
from posed_models.tasks.pose import POSE
from posed_models.training.log import RunLog
from posed_models.training.native.tuner import NativeTuner

NAME = "quantise"
SAYS = "float weights to int8, with or without fine-tuning"


TITLES = {"pck": "PCK@0.2", "ap": "AP", "iou": "mean IoU"}


def options(p: Parser) -> None:
    p.add_argument("source", help="float weights: .pth, .pt, .npz, float .onnx or OpenVINO .xml; or RTMDet's raw maps as .onnx")
    shared.data(p)
    p.add_argument("--out", required=True, help="writes OUT.onnx, OUT_f32.onnx, their cards, OUT.noise.txt")
    p.add_argument("--teacher", help="fine-tune towards these weights instead of SOURCE's own")
    shared.size(p)
    shared.steps(p, 32, 3e-5)
    p.add_argument("--native", action="store_true", help="on a CPU, several times as fast: compiled C++ (needs g++), by Muon")
    shared.origin(p)
    p.add_argument("--eval", help="annotations to measure both networks on, as for the eval command")
    p.add_argument("--eval-images", help="their photos")
    p.add_argument("--trust", action="store_true", help="allow pickled objects in SOURCE")


def compare(when: str, test: Judge, exact: Forward, rounded: Forward) -> None:
    """Prints how much of its accuracy the network keeps; of persons by box only, the float network says where the joints are."""
    before, after = (test.figures(net, exact) for net in (exact, rounded))
    print(f"{when}, {len(test)} held out:", flush=True)
    for part, who in (("held_out_", "with labels"), ("taught_", "by box only")):
        names = [name for name in after if name.startswith(part)]
        words = [f"heatmap error {after[name]:.4f}" for name in names if name.endswith("_error")]
        for name in (n for n in names if not n.endswith("_error")):
            title = TITLES.get(name.removeprefix(part), name.removeprefix(part).replace("_", " "))
            words.append(f"{title} {before[name]:.1f} float, {after[name]:.1f} int8")
        if words:
            print(f"  {who}: {', '.join(words)}", flush=True)


def detector(a: argparse.Namespace) -> None:
    """RTMDet as a finder: calibrated, not fine-tuned."""
    for option in ("steps", "minutes", "teacher", "native", "eval"):
        if getattr(a, option):
            raise PosedModelsError(f"--{option} is for our own networks: RTMDet is only calibrated, leave it away")
    height, width = a.size
    seen, held = shared.examples(a, "cpu", DETECTOR)
    if not len(seen):
        raise PosedModelsError("no pictures to calibrate on: give --data a COCO JSON of pictures, such as `persons` writes")
    exact = rtmdet.finder(a.source, height, width)
    source = DETECTOR.source(seen, height, width, torch.Generator().manual_seed(a.seed))
    rounded = graph.quantise(exact, source.draw(graph.PICTURES).x.numpy())
    out = Path(a.out)
    for model, name, kind in ((exact, f"{out}_f32.onnx", "float32"), (rounded, f"{out}.onnx", "int8")):
        onnx.save(model, name)
        origin = a.origin or Path(a.source).name
        card.write(
            Card(
                title=f"RTMDet-nano, persons, {'int8 (QDQ)' if kind == 'int8' else kind}",
                precision=kind,
                names=STRIDES,
                task=DETECTOR,
                parameters=f"{rtmdet.parameters(exact) / 1e6:.1f} M",
                flops=f"{rtmdet.operations(exact) / 1e6:.0f} M",
                licence=a.licence,
                source=f"{origin}, calibrated only" if kind == "int8" else origin,
            ),
            name,
        )
    if len(held):
        nets = [graph.forward(f"{out}{end}.onnx") for end in ("_f32", "")]
        compare("calibrated", DETECTOR.held_out(held, height, width), *nets)
    print(f"saved {out}.onnx and {out}_f32.onnx with their cards")


def run(a: argparse.Namespace) -> None:
    if rtmdet.is_one(a.source):
        detector(a)
        return
    device = shared.device(a)
    imported = importing.load(a.source, a.trust)
    task = imported.task
    # A segmentation is quantised on any pictures of persons.
    seen, held = shared.examples(a, device, task if task.given else None)
    height, width = a.size
    if a.native and (not task.native or device != "cpu"):
        raise PosedModelsError(f"--native fine-tunes poses on the CPU: this is a {task.name} on {device}: leave it away")
    net = importing.folded(imported).to(device)
    teacher = importing.folded(importing.load(a.teacher)).to(device) if a.teacher else copy.deepcopy(net)
    generator = torch.Generator(device).manual_seed(a.seed)
    torch.manual_seed(a.seed)
    augment = (task if task.given else POSE).source(seen, height, width, generator)
    n = silence(net.eval(), [augment.draw(quantise.CALIBRATION_BATCH).x for _ in range(quantise.CALIBRATION_BATCHES)])
    if n:
        print(f"{n} dead channels were read with weights out of scale: these are 0 now")
    truth = copy.deepcopy(net)
    q = quantise.calibrate(net, augment)
    test = task.held_out(held, height, width) if len(held) else None

    tuner = NativeTuner(q, teacher, augment, a.seed) if a.native else None
    rounded: Forward = q if tuner is None else tuner.network.forward
    exact: Forward = truth
    if tuner is not None:
        exact = (tuner.beside(truth) if a.teacher else tuner.teacher).forward
    sample = augment.draw(4).x

    if test is not None:
        compare("calibrated", test, exact, rounded)
    out = Path(a.out)
    tuned = bool(a.steps or a.minutes)
    if tuned:
        log = RunLog(out.parent / (out.name + ".finetune"))
        tuning = quantise.FineTuning(a.steps, a.minutes, a.batch, a.lr)
        if tuner is None:
            quantise.fine_tune(q, teacher, augment, tuning, log)
        else:
            tuner.fine_tune(tuning, log)
        log.close()
        if test is not None:
            compare("fine-tuned", test, exact, rounded)
    lines = quantise.noise(q, sample)
    report = Path(f"{out}.noise.txt")
    report.write_text(quantise.table(lines) + "\n")
    print(quantise.table(lines, 8) + f"\n… {len(lines)} lines in {report}")
    how = "fine-tuned with rounding in the loop" if tuned else "calibrated only"
    origin = a.origin or f"{Path(a.source).name}"
    export_int8(q, f"{out}.onnx", height, width)
    card.write(card.describe(imported, height, width, "int8", a.licence, f"{origin}, {how}"), f"{out}.onnx")
    # Corrected biases belong to the rounding; fine-tuned weights are good without it too.
    export_float(unrounded(q) if tuned else truth, f"{out}_f32.onnx", height, width)
    card.write(card.describe(imported, height, width, "float32", a.licence, origin), f"{out}_f32.onnx")
    print(f"saved {out}.onnx and {out}_f32.onnx with their cards")
    if a.eval:
        for name in (f"{out}_f32.onnx", f"{out}.onnx"):
            shared.print_figures(name, evaluate.figures(name, a.eval, a.eval_images))
