"""What a training run says while it runs.

In: numbers by step. Out: a CSV file (one line a report, appended on resuming), TensorBoard events if that is installed, and a
progress bar on a terminal or a line now and then elsewhere.
"""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from typing import Any

FIELDS = (
    "seconds",
    "step",
    "crops",
    "crops_per_s",
    "lr",
    "loss",
    "heatmap",
    "features",
    "held_out_error",
    "held_out_pck",
    "held_out_iou",
    "held_out_ap",
    "held_out_recall",
    "held_out_recall_small",
    "taught_error",
    "taught_pck",
    "taught_ap",
)
"""Columns of the CSV: running means since the last line; held-out ones are empty between evaluations; pck and ap in per cent.
`held_out` persons have annotations; of the `taught` ones, held out as well, the teacher says where their joints are."""


class RunLog:
    """Writes `folder`/log.csv and shows progress."""

    def __init__(self, folder: Path, quiet: bool = False, line_every_s: float = 15.0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.csv"
        fresh = not self.path.exists() or not self.path.stat().st_size
        self._file = self.path.open("a", newline="")
        fields = FIELDS if fresh else self.path.read_text().splitlines()[0].split(",")  # an older run may have fewer columns
        self._csv = csv.DictWriter(self._file, fields, extrasaction="ignore")
        if fresh:
            self._csv.writeheader()
        self._board = self._tensorboard(folder)
        self._quiet, self._every, self._shown = quiet, line_every_s, 0.0
        self._terminal = sys.stderr.isatty()

    @staticmethod
    def _tensorboard(folder: Path) -> Any:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return None
        return SummaryWriter(str(folder / "tensorboard"))

    def write(self, **values: float) -> None:
        """One line of the CSV; names are those of [`FIELDS`]."""
        self._csv.writerow({k: f"{v:.6g}" for k, v in values.items()})
        self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                if name not in ("step", "seconds"):
                    self._board.add_scalar(name, value, int(values["step"]))

    def progress(self, share: float, text: str, last: bool = False) -> None:
        """A bar for `share` (0 to 1) of the run with `text` behind it."""
        every = 0.2 if self._terminal else self._every
        if self._quiet or (not last and time.monotonic() - self._shown < every):
            return
        self._shown = time.monotonic()
        bar = ("#" * round(share * 20)).ljust(20, ".")
        end = "\n" if last or not self._terminal else ""
        print(f"{chr(13) if self._terminal else ''}[{bar}] {share:4.0%}  {text}", end=end, file=sys.stderr, flush=True)

    def close(self) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()
