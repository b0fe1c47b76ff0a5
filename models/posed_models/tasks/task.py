"""What the rest asks of a task.

In: pictures with annotations. Out: a head and its losses, figures, names, and the tables of a card.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from posed_models.check.heldout import HeldOut
from posed_models.data.augment import Batch
from posed_models.data.crops import CropSet
from posed_models.nets.lite_hrnet import Head, LiteHRNet


class Task(ABC):
    """A task has no state; there is one object of each."""

    name: str
    says: str
    """For the command line's help; may be empty."""
    counts: str
    """What the network has one plane of: "joints"; an option of `export`."""
    usual: int
    """How many of them, if nobody says."""
    head_name: str
    """Of the head in a state_dict."""
    last: str
    """The head's last convolution in a state_dict: by it a checkpoint's task is known."""
    output: str
    """Of an exported graph."""
    card_key: str
    """Of the names in a card's table `[output]`."""
    card_says: str
    """What the network gives, for the card's comment."""
    golden_says: str
    """The comment above a card's golden table."""
    native: bool = False
    """Can the C++ train it?"""
    published: Sequence[tuple[str, int, int, int]] = ()
    """The paper's networks and ours: architecture, outputs, height, width."""

    def net(self, arch: str, head: Callable[[], Head]) -> LiteHRNet:
        """A network with random weights, and with what `head` makes."""
        return LiteHRNet(arch, head, self.head_name, self.output)

    @abstractmethod
    def heads(self, channels: Sequence[int], outputs: int) -> list[Callable[[], Head]]:
        """Makers of every form that the head may have on branches of `channels`, the usual one first."""

    @abstractmethod
    def names(self, outputs: int) -> tuple[str, ...]:
        """Of the joints or classes; numbered where the count is none of the known ones."""

    @abstractmethod
    def read(self, path: str | Path, photos: str | Path | None, device: str, boxed: bool) -> CropSet:
        """What it learns from; `boxed`: persons without annotations too, since a teacher tells of them."""

    @abstractmethod
    def outputs(self, crops: CropSet) -> int:
        """How many a network must have that learns from `crops`."""

    @abstractmethod
    def check(self, crops: CropSet, teacher: LiteHRNet | None) -> None:
        """Raises what is missing for training."""

    @abstractmethod
    def losses(self, got: Tensor, batch: Batch, size: tuple[int, int]) -> dict[str, Tensor]:
        """Against the annotations, by name; `size`: height and width of the crops."""

    @abstractmethod
    def held_out(self, crops: CropSet, height: int, width: int) -> HeldOut:
        """How a run measures itself."""

    @abstractmethod
    def error(self, figures: dict[str, float]) -> float:
        """Of a run's held-out figures: the lower, the better the network."""

    @abstractmethod
    def golden(self, out: np.ndarray, precision: str, rewritten: Callable[[], np.ndarray]) -> list[str]:
        """Lines of the golden table for the network's result `out`; `rewritten` gives that of ONNX Runtime's optimiser."""

    @abstractmethod
    def annotated(self, path: Path) -> bool:
        """Do these annotations tell how good it is?"""

    @abstractmethod
    def figures(
        self, model: str | Path, annotations: Path, photos: str | Path, detections: str | Path | None
    ) -> dict[str, float]:
        """Accuracy on annotated photos; `detections`: where to write what was found, if the task has a form for that."""
