"""Training: from a teacher (distillation), from labelled joints (supervised), or both.

In: what a task learns from, perhaps a teacher, and [`Settings`]. Out, in a folder: `best.pt` and `last.pt` (averaged weights,
each complete in itself), `resume.pt` (everything to go on from), `log.csv`.

With a fixed number of steps, the same seed, data and device give the same losses, bit for bit on the CPU. With `minutes` the
learning rate follows the clock, so they do not. Several processes may train one network (workers.py).
"""

from __future__ import annotations

import copy
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn
from torch import Tensor

from posed_models import tasks
from posed_models.check.heldout import Judge
from posed_models.data.feed import Batch
from posed_models.errors import PosedModelsError
from posed_models.nets.lite_hrnet import LiteHRNet, check_size
from posed_models.tasks.task import Data
from posed_models.training.distil import StageOutputs, relative_mse, warm_start
from posed_models.training.log import RunLog
from posed_models.training.optimiser import Optimiser
from posed_models.training.workers import Workers

WARM_UP_STEPS, WARM_UP_SHARE = 100, 0.1
"""The learning rate rises over so many steps, or this share of the run if that is shorter."""
LOWEST_LR = 0.02
"""Where the cosine ends, a share of the highest rate."""
LONGEST_GRADIENT = 5.0
"""What the gradients' norm is clipped to."""
LONGEST_MEMORY = 0.9995
"""Of the averaged weights: the share that a step keeps; less in the first steps."""


@dataclass
class Settings:
    """`steps` or `minutes` end the run.

    `label_weight`: of the labelled joints' loss beside a teacher's; without a teacher it is 1. `batch`: of each process.
    """

    arch: str = "lite18"
    task: str = "pose"
    height: int = 256
    width: int = 192
    steps: int | None = None
    minutes: float | None = None
    batch: int = 32
    optimiser: str = "adamw"
    lr: float = 2e-3
    weight_decay: float = 1e-3
    feature_weight: float = 0.2
    label_weight: float = 0.0
    eval_minutes: float = 5.0
    seed: int = 0
    amp: bool = False
    match: str = ""
    """A way of native/match.py; empty: the teacher is asked once for each person."""
    rooms: bool = True
    """With `match`: crops as cameras in rooms see them (data/rooms.py)."""


class Trainer:
    """One run. `run()` trains to the end; `step()` makes one step and returns its losses."""

    def __init__(self, settings: Settings, data: Data, held_out: Judge | None, teacher: LiteHRNet | None, out: Path) -> None:
        if (settings.steps is None) == (settings.minutes is None):
            raise PosedModelsError("give either --steps or --minutes, to end the run")
        if not len(data):
            raise PosedModelsError("nothing to train on: is the held-out share below 1, and the file not empty?")
        check_size(settings.height, settings.width)
        self.settings, self.teacher, self.out, self.held_out = settings, teacher, out, held_out
        self.device = data.device
        self.labels = settings.label_weight if teacher is not None else 1.0
        self.task = tasks.find(settings.task)
        self.task.check(data, teacher)
        self.workers = Workers()
        torch.manual_seed(settings.seed)
        self.g = torch.Generator(self.device).manual_seed(settings.seed + self.workers.rank)
        rooms = bool(settings.match) and settings.rooms
        self.augment = self.task.source(data, settings.height, settings.width, self.g, rooms)
        net = tasks.build(settings.arch, self.task, self.task.outputs(data))
        self.net: LiteHRNet = net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.net).eval()
        self.optimiser = Optimiser(settings.optimiser, self.net, settings.lr, settings.weight_decay)
        self.done, self.crops, self.seconds, self.best = 0, 0, 0.0, math.inf
        self._features = (StageOutputs(teacher), StageOutputs(self.net)) if teacher is not None else None

    def begin_with(self, other: LiteHRNet) -> int:
        """Copies what a folded network, such as a teacher, has in the same shape; returns the number of convolutions."""
        copied = warm_start(self.net, other, self.augment.draw(min(64, 4 * self.settings.batch)).x)
        self.average.load_state_dict(self.net.state_dict())
        return copied

    def start_from(self, net: LiteHRNet) -> None:
        """Begins with the weights of `net` (the same architecture, not folded)."""
        self.net.load_state_dict(net.state_dict())
        self.average.load_state_dict(net.state_dict())

    def resume(self, path: Path) -> None:
        """Goes on from `resume.pt`: weights, averages, optimiser, step, random state."""
        if not path.is_file():
            raise PosedModelsError(f"{path}: no such file: nothing to resume. Leave --resume away to begin anew")
        c = torch.load(path, map_location=self.device, weights_only=True)
        for name, now in (("arch", self.settings.arch), ("optimiser", self.settings.optimiser)):
            if c["settings"][name] != now:
                raise PosedModelsError(f"{path}: is of {c['settings'][name]}, not {now}: correct --{name}")
        self._take(c)
        self.average.load_state_dict(c["average"])
        if self.workers.first:
            self.g.set_state(c["generator"].cpu())
        else:  # a state of its own, and not the one it began the whole training with
            self.g.manual_seed(self.settings.seed + self.workers.rank + self.workers.count * c["step"])
        self.done, self.crops, self.seconds, self.best = c["step"], c["crops"], c["seconds"], c["best"]

    def _whole(self) -> dict[str, Any]:
        """What resuming needs beside the weights."""
        return {"optimiser": self.optimiser.state()}

    def _take(self, c: dict[str, Any]) -> None:
        """Takes back the weights and what `_whole` gave."""
        if "optimiser" not in c:
            raise PosedModelsError("that run was --native: go on with it, or begin anew with --init last.pt")
        self.net.load_state_dict(c["net"])
        self.optimiser.load(c["optimiser"])

    def save(self, name: str = "last.pt") -> None:
        """Writes the averaged weights, and beside `last.pt` all that resuming needs."""
        self.out.mkdir(parents=True, exist_ok=True)
        s = self.settings
        model = {k: v.cpu() for k, v in self.average.state_dict().items()}
        card = {"arch": s.arch, "height": s.height, "width": s.width, "images": self.crops}
        _write({"model": model, **card}, self.out / name)
        if name == "last.pt":
            whole: dict[str, Any] = {"net": self.net.state_dict(), "average": self.average.state_dict(), **self._whole()}
            whole |= {"generator": self.g.get_state(), "settings": asdict(s)}
            whole |= {"step": self.done, "crops": self.crops, "seconds": self.seconds, "best": self.best}
            _write(whole, self.out / "resume.pt")

    def rate(self, share: float) -> float:
        """The learning rate at `share` of the run: rises, then falls along a cosine."""
        warm = min(1.0, max((self.done + 1) / WARM_UP_STEPS, share / WARM_UP_SHARE))
        return self.settings.lr * warm * (0.5 * (1 + math.cos(math.pi * share)) * (1 - LOWEST_LR) + LOWEST_LR)

    def memory(self) -> float:
        """The share of the averaged weights that this step keeps."""
        return min(LONGEST_MEMORY, (1 + self.done) / (20 + self.done))

    def step(self, share: float) -> dict[str, float]:
        """One step at `share` (0 to 1) of the run."""
        s, lr = self.settings, self.rate(share)
        batch = self.augment.draw(s.batch)
        self.net.train()
        losses = self._losses(batch)
        loss = torch.stack(list(losses.values())).sum()
        self.optimiser.zero_grad()
        loss.backward()
        self.workers.average(self.net.parameters())
        nn.utils.clip_grad_norm_(self.net.parameters(), LONGEST_GRADIENT)
        self.optimiser.step(lr)
        self._average()
        self.done += 1
        self.crops += s.batch * self.workers.count
        features = losses.get("features", torch.zeros(())).item()
        return {"lr": lr, "loss": loss.item(), "heatmap": loss.item() - features, "features": features}

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        x = batch.x
        s, kind = self.settings, torch.device(self.device).type
        with torch.autocast(kind, torch.bfloat16, enabled=s.amp):
            with torch.no_grad():
                want = self.teacher(x) if self.teacher is not None else None
            got = self.net(x)
        losses = {}
        if want is not None and self._features is not None:
            losses["heatmap"] = relative_mse(got, want)
            if s.feature_weight:
                losses["features"] = s.feature_weight * self._features[1].distance(self._features[0])
        if self.labels:
            own = self.task.losses(got, batch, (s.height, s.width))
            losses |= {name: self.labels * loss for name, loss in own.items()}
        return losses

    @torch.no_grad()
    def _average(self) -> None:
        d = self.memory()
        for mean, now in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - d)
            else:
                mean.copy_(now)

    def run(self, quiet: bool = False) -> None:
        """Trains to the end, reports, evaluates every `eval_minutes`, and saves."""
        s, means, workers = self.settings, dict[str, float](), self.workers
        workers.agree(self.net)
        if not workers.first:
            while (share := workers.decide(0.0, self.device)) < 1:
                self.step(share)
            workers.close()
            return
        log = RunLog(self.out, quiet)
        start = evaluated = time.monotonic()
        before, first, reported = self.seconds, self.crops, self.done
        while (share := workers.decide(self._share(time.monotonic() - start), self.device)) < 1:
            for name, value in self.step(share).items():
                means[name] = value if name == "lr" else means.get(name, value) * 0.95 + value * 0.05
            now = time.monotonic()
            self.seconds = before + now - start
            speed = (self.crops - first) / (now - start)
            log.progress(share, f"step {self.done}  {speed:.1f} crops/s  loss {means['loss']:.4f}")
            due = now - evaluated > 60 * s.eval_minutes
            if due or self.done - reported >= 20:
                extra = self._evaluate() if due else {}
                evaluated = time.monotonic() if due else evaluated
                reported = self.done
                log.write(seconds=self.seconds, step=self.done, crops=self.crops, crops_per_s=speed, **means, **extra)
        workers.close()
        if means:
            extra = self._evaluate()
            log.write(seconds=self.seconds, step=self.done, crops=self.crops, **means, **extra)
            shown = "  ".join(f"{k} {v:.4g}" for k, v in extra.items())
            log.progress(1.0, f"step {self.done}  loss {means['loss']:.4f}  {shown}", last=True)
        log.close()

    def _share(self, seconds: float) -> float:
        if self.settings.steps is not None:
            return self.done / self.settings.steps
        assert self.settings.minutes is not None
        return seconds / (60 * self.settings.minutes)

    def _evaluate(self) -> dict[str, float]:
        figures = self._figures() if self.held_out is not None else {}
        error = self.task.error(figures)
        if error <= self.best:
            self.best = error
            self.save("best.pt")
        self.save()
        return figures

    def _figures(self) -> dict[str, float]:
        assert self.held_out is not None
        return self.held_out.figures(self.average, self.teacher)


def _write(what: dict[str, Any], path: Path) -> None:
    """Through a second file, so that a run cut off while writing leaves the old one whole."""
    beside = path.with_suffix(".part")
    torch.save(what, beside)
    beside.replace(path)
