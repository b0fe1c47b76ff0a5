"""A float network to int8: equalise, calibrate, fine-tune with rounding in the loop, report.

In: a folded network and crops. Out: [`Quantised`], and a table of signal-to-noise ratios by rounding point.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor

from posed_models.data.feed import Source
from posed_models.int8.equalise import equalise
from posed_models.int8.rounding import Quantised, Rounder, float_weight, rounds_weight
from posed_models.nets.lite_hrnet import LiteHRNet
from posed_models.training.distil import relative_mse
from posed_models.training.log import RunLog

CALIBRATION_BATCHES, CALIBRATION_BATCH = 6, 16
CORRECTION_CROPS = 128
WARM_UP_STEPS = 20
LONGEST_GRADIENT = 1.0


def calibrate(net: LiteHRNet, augment: Source, say: Callable[[str], None] = print) -> Quantised:
    """Quantises a folded `net` (changed in place) without training, on some 200 crops drawn by `augment`."""
    with torch.no_grad():
        x = augment.draw(CALIBRATION_BATCH).x
        before = net.eval()(x)
        n = equalise(net, x)
        say(f"{n} tensors equalised, output moved by {float((net(x) - before).abs().max()):.1e}")
        q = Quantised(net).to(x.device).eval()
        for _ in range(CALIBRATION_BATCHES):
            q(augment.draw(CALIBRATION_BATCH).x)
    for rounder in q.points.values():
        rounder.settle()
    say(f"{len(q.rounders)} scales at {len(q.points)} rounding points")
    n = correct_biases(q, augment.draw(CORRECTION_CROPS).x)
    say(f"{n} biases corrected")
    return q


def convolutions(q: Quantised) -> list[nn.Conv2d]:
    return [m for m in q.net.modules() if isinstance(m, nn.Conv2d)]


@torch.no_grad()
def correct_biases(q: Quantised, x: Tensor) -> int:
    """Shifts every convolution's bias so that the mean of each output channel on images `x` is that of the float network.

    Rounding shifts means, and hundreds of layers add the shifts up. After Nagel et al. (equalise.py), section 4.2, with measured
    means; all in one pass, each convolution being corrected before the next one sees its output.
    """
    means: dict[nn.Module, Tensor] = {}

    def gather(m: nn.Module, _inputs: Any, o: Tensor) -> None:
        means[m] = o.mean((0, 2, 3))

    def correct(m: nn.Module, _inputs: Any, o: Tensor) -> Tensor:
        shift = means[m] - o.mean((0, 2, 3))
        assert isinstance(m, nn.Conv2d) and m.bias is not None
        m.bias += shift
        return o + shift.view(1, -1, 1, 1)

    q.eval()
    for rounding, hook in ((False, gather), (True, correct)):
        q.set_rounding(rounding)
        hooks = [m.register_forward_hook(hook) for m in convolutions(q)]
        q(x)
        for h in hooks:
            h.remove()
    return len(means)


@dataclass
class FineTuning:
    """`steps` or `minutes` end it; neither: no fine-tuning."""

    steps: int | None = None
    minutes: float | None = None
    batch: int = 32
    lr: float = 3e-5


def fine_tune(q: Quantised, teacher: LiteHRNet, augment: Source, settings: FineTuning, log: RunLog) -> None:
    """Adam on all weights with rounding in the loop (straight-through gradients); scales stay as calibrated.

    `teacher`: the float network before quantising, or a better one.
    """
    optimiser = torch.optim.Adam(q.parameters(), lr=settings.lr)

    def step(lr: float) -> float:
        for group in optimiser.param_groups:
            group["lr"] = lr
        x = augment.draw(settings.batch).x
        with torch.no_grad():
            want = teacher(x)
        loss = relative_mse(q(x), want)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(q.parameters(), LONGEST_GRADIENT)
        optimiser.step()
        return loss.item()

    follow_schedule(step, settings, log)


def follow_schedule(one: Callable[[float], float], settings: FineTuning, log: RunLog) -> None:
    """Takes steps, `one` at a given rate, until `settings` end them; the rate rises, then falls along a cosine.

    `one` returns the heatmap error.
    """
    start, step, mean = time.monotonic(), 0, math.nan
    while True:
        seconds = time.monotonic() - start
        share = step / settings.steps if settings.steps else seconds / (60 * (settings.minutes or 1e-9))
        if share >= 1:
            break
        lr = settings.lr * min(1.0, (step + 1) / WARM_UP_STEPS) * 0.5 * (1 + math.cos(math.pi * share))
        loss = one(lr)
        step += 1
        mean = loss if math.isnan(mean) else mean * 0.95 + loss * 0.05
        log.progress(share, f"step {step}  heatmap error {mean:.4f}")
        log.write(seconds=seconds, step=step, crops=step * settings.batch, lr=lr, heatmap=loss)
    log.progress(1.0, f"step {step}  heatmap error {mean:.4f}", last=True)


@dataclass(frozen=True)
class Noise:
    """One line of the report, in decibels, 10·log10(E[x²]/E[e²]).

    `own_db`: e is the rounding at this point alone. `all_db`: e is the difference from the float network, all rounding before
    it included.
    """

    point: str
    own_db: float
    all_db: float


def _db(signal: float, noise: float) -> float:
    return 10 * math.log10(max(signal, 1e-30) / max(noise, 1e-30))


def _power(x: list[Tensor], y: list[Tensor] | None = None) -> float:
    """Mean square of x, or of x − y."""
    total = sum(((a if y is None else a - b) ** 2).sum().item() for a, b in zip(x, y or x, strict=True))
    return total / sum(a.numel() for a in x)


@torch.no_grad()
def noise(q: Quantised, x: Tensor) -> list[Noise]:
    """Signal-to-noise at every rounding point, every weight, and the output, on images `x`; the worst first (by `own_db`)."""
    names: dict[int, list[str]] = {}
    rounders: dict[int, Rounder] = {}
    for name, r in q.points.items():
        names.setdefault(id(r), []).append(name)
        rounders[id(r)] = r

    def gather(on: bool) -> tuple[dict[int, list[Tensor]], Tensor]:
        q.set_rounding(on)
        for r in rounders.values():
            r.probe = []
        result = q.eval()(x)
        seen = {k: r.probe or [] for k, r in rounders.items()}
        for r in rounders.values():
            r.probe = None
        return seen, result

    exact, want = gather(False)
    rounded, got = gather(True)
    lines = []
    for key, r in rounders.items():
        own = [r.round(v) for v in rounded[key]]
        label = names[key][0] + (f" (+{len(names[key]) - 1})" if len(names[key]) > 1 else "")
        own_db = _db(_power(rounded[key]), _power(own, rounded[key]))
        lines.append(Noise(label, own_db, _db(_power(exact[key]), _power(own, exact[key]))))
    for name, m in q.net.named_modules():
        if isinstance(m, nn.Conv2d) and rounds_weight(m):
            w = float_weight(m)
            db = _db(_power([w]), _power([m.weight], [w]))
            lines.append(Noise(f"{name}.weight", db, db))
    db = _db(_power([want]), _power([got], [want]))
    return sorted([*lines, Noise("output", db, db)], key=lambda n: n.own_db)


def table(lines: list[Noise], most: int | None = None) -> str:
    """The report as text, worst first."""
    rows = [f"{'own dB':>7} {'all dB':>7}  point"]
    rows += [f"{n.own_db:7.1f} {n.all_db:7.1f}  {n.point}" for n in lines[:most]]
    return "\n".join(rows)
