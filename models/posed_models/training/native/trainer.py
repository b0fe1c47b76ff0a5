"""The native trainer: the same runs, files and figures as ../trainer.py's, by the C++ of this folder.

In: crops, perhaps a teacher, and settings for poses. Out: `best.pt`, `last.pt`, `resume.pt`, `log.csv`.

Not the same from run to run to the last bit: which thread takes which picture is left to chance, and so is the order of sums.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn

from posed_models import tasks
from posed_models.check.heldout import Judge
from posed_models.data.augment import Augmenter
from posed_models.errors import PosedModelsError
from posed_models.nets.lite_hrnet import LiteHRNet
from posed_models.tasks.task import Data
from posed_models.training.native.feed import Feeder
from posed_models.training.native.given import Given
from posed_models.training.native.joints import Joints
from posed_models.training.native.lessons import Lessons
from posed_models.training.native.match import Match
from posed_models.training.native.network import NativeNetwork
from posed_models.training.trainer import LONGEST_GRADIENT, Settings, Trainer

SETTLING_BATCHES, SETTLING_BATCH = 4, 16


class NativeTrainer(Trainer):
    """See the module's doc; `settings.amp`, `optimiser` and `feature_weight` mean nothing here."""

    def __init__(
        self,
        settings: Settings,
        data: Data,
        held_out: Judge | None,
        teacher: LiteHRNet | None,
        out: Path,
        threads: int | None = None,
    ) -> None:
        if not tasks.find(settings.task).native:
            raise PosedModelsError(f"--native trains no {settings.task}: leave it away for --task {settings.task}")
        if data.device != "cpu":
            raise PosedModelsError("--native trains on the CPU: leave it away for CUDA")
        torch.set_num_threads(1)  # PyTorch's threads wait by spinning, and take half of the cores from those of the C++
        super().__init__(settings, data, held_out, teacher, out)
        if self.workers.count > 1:
            raise PosedModelsError("--native uses threads of one process: start it without torchrun")
        self._threads = threads or os.cpu_count() or 1
        self._native: NativeNetwork | None = None
        self._trained = False  # by now, with statistics of its own
        self._guide = self._of(teacher) if teacher is not None else None
        self._asked = self._guide.forward if self._guide is not None else None  # one object: held-out labels are kept by it
        self.lessons = self._lessons()
        self._feeder = Feeder(self.augment, settings.batch, settings.seed)

    def _lessons(self) -> Lessons:
        s = self.settings
        if self.task.given:
            return Given()
        assert isinstance(self.augment, Augmenter)
        if s.match:
            if self._guide is None:
                raise PosedModelsError("--match follows a teacher: add --teacher")
            return Match(self.augment, self._guide, s.match, s.label_weight)
        return Joints(self.augment, self._guide, s.label_weight if self._guide is not None else 1.0)

    def _of(self, net: LiteHRNet) -> NativeNetwork:
        s = self.settings
        return NativeNetwork(net, s.height, s.width, self._threads, weight_decay=s.weight_decay)

    @property
    def native(self) -> NativeNetwork:
        """Made when first needed: it copies the weights that the network has by then."""
        if self._native is None:
            if not self._trained:
                self._settle()
            self._native = self._of(self.net)
        return self._native

    def start_from(self, net: LiteHRNet) -> None:
        """Begins with the weights of `net`, and with its statistics."""
        super().start_from(net)
        self._trained = True

    @torch.no_grad()
    def _settle(self) -> None:
        """Statistics of a few crops for the batch norms that have none: they keep what they have from here on."""
        new = [m for m in self.net.modules() if isinstance(m, nn.BatchNorm2d) and m.running_var is not None]
        new = [m for m in new if bool((m.running_var == 1).all() and (m.running_mean == 0).all())]  # type: ignore[union-attr]
        self.net.eval()
        for m in new:
            m.train().momentum = None  # the plain mean of the batches seen
        for _ in range(SETTLING_BATCHES if new else 0):
            self.net(self.augment.draw(SETTLING_BATCH).x)
        self.net.eval()
        self.average.load_state_dict(self.net.state_dict())

    def step(self, share: float) -> dict[str, float]:
        """One step at `share` (0 to 1) of the run."""
        lr, native = self.rate(share), self.native
        feed = self._feeder.next()
        loss = self.lessons.teach(native, feed)
        native.weights.step(native.gradients, lr, LONGEST_GRADIENT)
        native.weights.average(self.memory())
        self.done += 1
        self.crops += len(feed.pictures)
        return {"lr": lr, "loss": loss, "heatmap": loss, "features": 0.0}

    def _evaluate(self) -> dict[str, float]:
        self.native.write(self.average)
        return super()._evaluate()

    def _figures(self) -> dict[str, float]:
        assert self.held_out is not None
        return self.held_out.figures(self.native.forward_averaged, self._asked)

    def _whole(self) -> dict[str, Any]:
        return {"native": self.native.weights.state()} | self.lessons.state()

    def _take(self, c: dict[str, Any]) -> None:
        if "native" not in c:
            raise PosedModelsError("that run was not --native: go on without it, or begin anew with --init last.pt")
        self.net.load_state_dict(c["net"])
        self._trained = True
        self.native.weights.load(c["native"])
        self.lessons.load(c)
