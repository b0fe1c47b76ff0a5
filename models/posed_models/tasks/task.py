"""What the rest asks of a task.

In: pictures with annotations. Out: a head and its losses, figures, names, and the tables of a card.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from posed_models.check.heldout import Judge
from posed_models.data.feed import Batch, Source
from posed_models.nets.lite_hrnet import Head, LiteHRNet


class Data(Protocol):
    """What a task learns from: a number of persons or pictures."""

    device: str

    def __len__(self) -> int: ...

    def subset(self, which: Sequence[int], /) -> Self: ...

    def split(self, share: float, /) -> tuple[Self, Self]:
        """To train on, and held out: by names alone, so that it is the same in every run."""

    def join(self, others: Sequence[Self], /) -> Self:
        """With those of other files behind."""

    def store(self, limit_gb: float, /) -> Self:
        """Keeps what is decoded, if it fits."""


D = TypeVar("D", bound=Data)


class Task(ABC, Generic[D]):
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
    finest: int = 4
    """Input pixels from cell to cell of what it gives."""
    golden_says: str
    """The comment above a card's golden table."""
    titled: str = ""
    """Behind the architecture in a card's title."""
    examples: str = "persons"
    """What it learns from."""
    given: bool = False
    """Do the pictures say themselves what the network is to give (`Feed.wanted`)?"""
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
    def names(self, outputs: int) -> tuple[Any, ...]:
        """Of the joints or classes; numbered where the count is none of the known ones."""

    @abstractmethod
    def read(self, path: str | Path, photos: str | Path | None, device: str, boxed: bool) -> D:
        """What it learns from; `boxed`: persons without annotations too, since a teacher tells of them."""

    @abstractmethod
    def outputs(self, data: D) -> int:
        """How many a network must have that learns from `data`."""

    @abstractmethod
    def check(self, data: D, teacher: LiteHRNet | None) -> None:
        """Raises what is missing for training."""

    @abstractmethod
    def source(self, data: D, height: int, width: int, generator: torch.Generator, rooms: bool = False) -> Source:
        """Random pictures of `data`; `rooms`: as cameras in rooms see them."""

    @abstractmethod
    def losses(self, got: Tensor, batch: Batch, size: tuple[int, int]) -> dict[str, Tensor]:
        """Against the annotations, by name; `size`: height and width of the crops."""

    @abstractmethod
    def held_out(self, data: D, height: int, width: int) -> Judge:
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


MOST_TOLERANCE = 0.25
"""Above this a golden table would tell nothing. On x86 without VNNI ONNX Runtime's integer kernels saturate sums of two products
(onnxruntime's documentation on quantisation, "When and why do I need to try U8U8"), and a difference is theirs."""


def golden_peaks(out: np.ndarray, tolerance: float, rewritten: Callable[[], np.ndarray] | None) -> list[str]:
    """Lines of a golden table of planes: column, row and value of the highest cell of each.

    `rewritten`: of an int8 network, whose tolerance is wider where ONNX Runtime's optimiser differs from itself, up to
    [`MOST_TOLERANCE`]. Of values over 1 (logits, distances) differences are shares (src/verify.rs).
    """
    flat = out.reshape(len(out), -1)
    cells, values, rows = flat.argmax(1), flat.max(1), []
    for cell, value in zip(cells, values, strict=True):
        y, x = divmod(int(cell), out.shape[2])
        rows.append(f"[{x}, {y}, {value:.5f}],")
    if rewritten is not None:
        other = rewritten().reshape(flat.shape)
        here = other[np.arange(len(other)), cells]
        apart = (np.maximum(abs(here - values), abs(other.max(1) - values)) / np.maximum(abs(values), 1)).max()
        tolerance = max(tolerance, min(round(2 * float(apart), 2), MOST_TOLERANCE))
    lines = [f"tolerance = {tolerance}", "peaks = ["]
    return lines + ["  " + " ".join(rows[i : i + 5]) for i in range(0, len(rows), 5)] + ["]"]
