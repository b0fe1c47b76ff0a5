"""What the native trainer is taught of a batch: the gradients of a network, from whatever somebody knows of its crops.

In: a network and a [`Feed`]. Out: the network's gradients filled, and the loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from posed_models.data.feed import Feed
from posed_models.training.native.network import NativeNetwork

USUAL_POWER = 0.0016
"""Mean square of wanted heatmaps: makes a loss the relative error that trainer.py has."""


class Lessons(ABC):
    """A way of teaching."""

    @abstractmethod
    def teach(self, native: NativeNetwork, feed: Feed) -> float:
        """Fills the gradients of `native` from what it should have given for the crops of `feed`; returns the loss."""

    def state(self) -> dict[str, Any]:
        """What a run that goes on needs to know."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave."""
        del state


def scale(native: NativeNetwork, crops: int) -> float:
    """Of the sum of squared errors of so many crops: one over the usual sum of squares."""
    height, width, count = native.heatmap_shape
    return 1 / (crops * height * width * count * USUAL_POWER)
