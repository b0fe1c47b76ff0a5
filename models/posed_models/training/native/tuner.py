"""Fine-tuning with rounding in the loop by the C++ of this folder: as int8/quantise.py's `fine_tune`, several times as fast.

In: a calibrated network of poses, and the float one whose heatmaps it is to give. Out: its weights fine-tuned.
"""

from __future__ import annotations

import os

import numpy as np
import torch

from posed_models.data.feed import Source
from posed_models.errors import PosedModelsError
from posed_models.int8.quantise import LONGEST_GRADIENT, FineTuning, follow_schedule
from posed_models.int8.rounding import Quantised
from posed_models.nets.lite_hrnet import LiteHRNet
from posed_models.training.log import RunLog
from posed_models.training.native.feed import Feeder
from posed_models.training.native.network import NativeNetwork


class NativeTuner:
    """Matrices move by Muon, all else by Adam, as in weights.py, without decay; scales stay as calibrated."""

    def __init__(self, q: Quantised, teacher: LiteHRNet, augment: Source, seed: int = 0, threads: int | None = None) -> None:
        torch.set_num_threads(1)  # as in trainer.py
        self._q, self._augment, self._seed = q, augment, seed
        if (teacher.output, teacher.outputs) != (q.net.output, q.net.outputs):
            raise PosedModelsError(f"the teacher has other outputs: give weights of a network of {q.net.outputs} joints")
        self._threads = threads or os.cpu_count() or 1
        self.network = NativeNetwork(q, *augment.size, self._threads)
        self.teacher = self.beside(teacher)

    def beside(self, net: LiteHRNet) -> NativeNetwork:
        """Another network, for pictures of the same size."""
        return NativeNetwork(net, *self._augment.size, self._threads)

    def fine_tune(self, settings: FineTuning, log: RunLog) -> None:
        """Changes the weights of the network it was made with."""
        native, feeder = self.network, Feeder(self._augment, settings.batch, self._seed)

        def step(lr: float) -> float:
            pictures = feeder.next().pictures
            want = self.teacher.run(pictures)
            loss = native.follow(pictures, want, 1 / (want.size * (float(np.var(want, ddof=1)) + 1e-6)))
            native.weights.step(native.gradients, lr, LONGEST_GRADIENT)
            return loss

        follow_schedule(step, settings, log)
        native.weights.average(0.0)
        native.write(self._q.net)
