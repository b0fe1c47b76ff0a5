"""Where a recording's values and gradients lie.

In: a [`Recording`]. Out: offsets in floats, and at every step, which gradients it is the first to write to.

Values are all kept for the way back. A gradient lives from the first step that writes to it (going backward) to the step whose
result it belongs to; then its place is another's, so that what is at work stays in the cache.
"""

from __future__ import annotations

import numpy as np

from posed_models.training.native.record import Recording, aligned


class Places:
    """Ranges of one memory, given and taken back."""

    def __init__(self) -> None:
        self.size = 0
        self._free: list[tuple[int, int]] = []

    def take(self, n: int) -> int:
        """The smallest free range that holds n floats, or new room at the end."""
        fitting = [f for f in self._free if f[1] >= n]
        if not fitting:
            self.size += n
            return self.size - n
        start, room = best = min(fitting, key=lambda f: f[1])
        self._free.remove(best)
        if room > n:
            self._free.append((start + n, room - n))
        return start

    def give(self, start: int, n: int) -> None:
        """Takes a range back, and joins it with free neighbours."""
        joined: list[tuple[int, int]] = []
        for at, room in sorted([*self._free, (start, n)]):
            if joined and sum(joined[-1]) == at:
                joined[-1] = (joined[-1][0], joined[-1][1] + room)
            else:
                joined.append((at, room))
        self._free = joined


class Layout:
    """`values[w]`, `gradients[w]`: where whole array w begins; `value_floats`, `gradient_floats`: room for all."""

    def __init__(self, r: Recording) -> None:
        self._r = r
        self.values: dict[int, int] = {}
        self.gradients: dict[int, int] = {}
        self.value_floats = 0
        for i, a in enumerate(r.arrays):
            if a.whole == i:
                self.values[i] = self.value_floats
                self.value_floats += self._room(i)
        self._written: dict[int, np.ndarray] = {}
        self._places = Places()
        made: dict[int, int] = {}
        for k, step in enumerate(r.steps):
            made.setdefault(r.arrays[step.output].whole, k)
        self._touch(r.heatmaps)
        for k in range(len(r.steps) - 1, -1, -1):
            step = r.steps[k]
            differentiated = 0 if step.kind == "stem" else len(step.inputs)  # nobody asks for the picture's gradient
            step.begins = [self._touch(i) for i in step.inputs[:differentiated]]
            whole = r.arrays[step.output].whole
            if made[whole] == k:
                self._places.give(self.gradients[whole], self._room(whole))
        self.gradient_floats = self._places.size

    def _room(self, whole: int) -> int:
        a = self._r.arrays[whole]
        return aligned(a.height * a.width * a.row + 1)

    def _touch(self, i: int) -> bool:
        """Array i's gradient is written to: for the first time?"""
        a = self._r.arrays[i]
        if a.whole not in self._written:
            self._written[a.whole] = np.zeros(a.row, bool)
            self.gradients[a.whole] = self._places.take(self._room(a.whole))
        mine = self._written[a.whole][a.start : a.start + a.channels]
        assert mine.all() or not mine.any(), "a gradient that is written to in part"
        begins = not mine.any()
        mine[:] = True
        return bool(begins)
