"""Pictures for the native trainer, made by OpenCV in a thread of their own while the last ones are learnt from.

In: a [`Source`]. Out: its [`Feed`]s.
"""

from __future__ import annotations

import queue
import threading

import numpy as np

from posed_models.data.feed import Feed, Source


class Feeder:
    """Makes batches of `batch` pictures ahead of time; `next` gives them in their order."""

    AHEAD = 3

    def __init__(self, source: Source, batch: int, seed: int) -> None:
        self._source, self._batch = source, batch
        self._random = np.random.default_rng(seed)
        self._ready: queue.Queue[Feed | Exception] = queue.Queue(self.AHEAD)
        self._thread: threading.Thread | None = None

    def make(self) -> Feed:
        """One batch, now."""
        return self._source.feed(self._batch, self._random)

    def _run(self) -> None:
        while True:
            try:
                self._ready.put(self.make())
            except Exception as e:  # a damaged picture is reported by whoever waits for it
                self._ready.put(e)
                return

    def next(self) -> Feed:
        """The next batch; raises what went wrong in making it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        feed = self._ready.get()
        if isinstance(feed, Exception):
            raise feed
        return feed
