"""The learning curve as a picture.

In: one or more log.csv of training, or the text log of train.py (`step 5  7 crops/s  lr 5.0e-05  heatmap 0.42  features 0.30`).
Out: a PNG: losses, and held-out figures, over the number of crops seen.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from posed_models.errors import PosedModelsError

ERRORS = {"held_out_error": "held-out heatmap error", "taught_error": "the same, persons by box only"}
PER_CENT = {
    "held_out_pck": "held-out PCK@0.2 (right)",
    "taught_ap": "AP by the teacher's word (right)",
    "held_out_recall": "recall of tall persons (right)",
    "held_out_iou": "mean IoU (right)",
}
_LINE = re.compile(r"step (\d+)\s+([\d.]+) crops/s\s+lr (\S+)\s+heatmap (\S+)\s+features (\S+)")


def read(path: str | Path, batch: int = 16) -> dict[str, list[tuple[float, float]]]:
    """Column → (crops, value), empty cells left out. `batch`: crops a step, for text logs that do not say."""
    path = Path(path)
    if not path.is_file():
        raise PosedModelsError(f"{path}: no such file")
    out: dict[str, list[tuple[float, float]]] = {}
    text = path.read_text()
    if text.startswith("seconds,"):
        for row in csv.DictReader(text.splitlines()):
            for name in ("loss", "heatmap", *ERRORS, *PER_CENT):
                if row.get(name):
                    out.setdefault(name, []).append((float(row["crops"]), float(row[name])))
        return out
    for match in _LINE.finditer(text):
        out.setdefault("heatmap", []).append((int(match[1]) * batch, float(match[4])))
        out.setdefault("features", []).append((int(match[1]) * batch, float(match[5])))
    if not out:
        raise PosedModelsError(f"{path}: neither a log.csv nor a log of train.py")
    return out


def smooth(values: list[float], share: float = 0.9) -> list[float]:
    """Running mean with memory `share`."""
    out: list[float] = []
    for v in values:
        out.append(v if not out else out[-1] * share + v * (1 - share))
    return out


def draw(logs: list[str], picture: str | Path, batch: int = 16) -> None:
    """Draws the curves of `logs`, one behind the other on the axis of crops, into `picture`."""
    try:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError as e:
        raise PosedModelsError("a picture needs matplotlib: pip install 'posed-models[plot]'") from e
    columns: dict[str, list[tuple[float, float]]] = {}
    offset = 0.0
    for log in logs:
        part = read(log, batch)
        for name, points in part.items():
            columns.setdefault(name, []).extend((x + offset, y) for x, y in points)
        offset += max(x for points in part.values() for x, _ in points) if ".csv" not in log else 0
    figure, axis = plt.subplots(figsize=(8, 4.5), dpi=110)
    right = axis.twinx() if any(name in columns for name in PER_CENT) else None
    colours = iter(("tab:brown", "tab:purple", "tab:olive", "tab:cyan"))
    for name, points in columns.items():
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        if name in PER_CENT and right is not None:
            right.plot(xs, ys, "o-", color=next(colours), label=PER_CENT[name])
            right.set_ylabel("%")
        elif name in ERRORS:
            axis.plot(xs, ys, "s-", label=ERRORS[name])
        else:
            axis.plot(xs, smooth(ys), label=name)
    axis.set_xlabel("crops seen")
    axis.set_ylabel("relative error")
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    handles, labels = axis.get_legend_handles_labels()
    if right is not None:
        more = right.get_legend_handles_labels()
        handles, labels = handles + more[0], labels + more[1]
    axis.legend(handles, labels, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize="small")
    figure.tight_layout()
    figure.savefig(picture)
    plt.close(figure)
