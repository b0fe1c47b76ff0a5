"""What pictures themselves say that a network is to give: planes, and the weight of each error.

In: a feed with `wanted` and `weight`. Out: the network's gradients.
"""

from __future__ import annotations

from posed_models.data.feed import Feed
from posed_models.training.native.lessons import Lessons, scale
from posed_models.training.native.network import NativeNetwork


class Given(Lessons):
    """Weighted squared errors."""

    def teach(self, native: NativeNetwork, feed: Feed) -> float:
        assert feed.wanted is not None and feed.weight is not None
        return native.follow(feed.pictures, feed.wanted, scale(native, len(feed.pictures)), feed.weight)
