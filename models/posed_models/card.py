"""Model cards: the TOML that posed reads beside an ONNX file (src/model.rs).

In: an ONNX file and what is known of it. Out: NAME.toml, with checksum and golden table (golden.py).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from posed_models import golden
from posed_models.session import MEAN, STD, Session

_GOLDEN = "# What ONNX Runtime makes of the golden picture: column, row and value of the highest cell of each joint's heatmap.\n"
_SHARES = "# What ONNX Runtime makes of the golden picture: the share of cells in which each class has the largest logit.\n"


@dataclass
class Card:
    """What is known of a network beside its weights. Empty texts are left out of the file."""

    title: str
    precision: str
    names: Sequence[str]
    task: str = "pose"
    parameters: str = ""
    flops: str = ""
    licence: str = ""
    source: str = ""
    padding: float = 1.25
    notes: Sequence[str] = ()
    accuracy: dict[str, float] = field(default_factory=dict)


def _names(names: Sequence[str]) -> list[str]:
    quoted = [json.dumps(n) for n in names]
    return ["  " + ", ".join(quoted[i : i + 6]) + "," for i in range(0, len(quoted), 6)]


def write(card: Card, onnx: str | Path) -> Path:
    """Writes the card beside `onnx`, with its checksum and golden table; returns its path."""
    onnx = Path(onnx)
    session = Session(onnx)
    height, width = session.size
    texts = [
        ("title", card.title),
        ("file", onnx.name),
        ("sha256", hashlib.sha256(onnx.read_bytes()).hexdigest()),
        ("precision", card.precision),
        ("parameters", card.parameters),
        ("flops", card.flops),
        ("licence", card.licence),
        ("source", card.source),
    ]
    lines = [f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in texts if text]
    what = "one heatmap a joint" if card.task == "pose" else "one map of logits a class"
    lines += [
        "",
        f"# The network reads RGB as (value/255 - mean)/std, 1x3xheightxwidth, and gives {what} at a quarter of that size.",
        "[input]",
        f"width = {width}",
        f"height = {height}",
        f"mean = [{', '.join(f'{v:g}' for v in MEAN)}]",
        f"std = [{', '.join(f'{v:g}' for v in STD)}]",
    ]
    lines.append(f"padding = {card.padding:g} # a person's box is made this much larger before it is cropped")
    lines += ["", "[output]", f"{'keypoints' if card.task == 'pose' else 'classes'} = [", *_names(card.names), "]"]
    if card.accuracy:
        lines += ["", *(f"# {n}" for n in card.notes), "[accuracy]"]
        lines += [f"{key} = {value:.1f}" for key, value in card.accuracy.items()]
    text = "\n".join(lines) + "\n\n" + _golden(onnx, card.task, card.precision)
    path = onnx.with_suffix(".toml")
    path.write_text(text)
    return path


def _golden(onnx: Path, task: str, precision: str) -> str:
    return (_SHARES if task == "segmentation" else _GOLDEN) + golden.table(onnx, task, precision)


def set_golden(path: str | Path) -> None:
    """Adds a golden table to a card, or replaces the one it ends with; the rest stays as it is."""
    path = Path(path)
    text = path.read_text()
    card = tomllib.loads(text)
    if "golden" in card:
        text = text[: text.index("# What ONNX Runtime")] if "# What ONNX Runtime" in text else text[: text.index("[golden]")]
    task = "segmentation" if "classes" in card["output"] else "pose"
    path.write_text(text.rstrip("\n") + "\n\n" + _golden(path.parent / card["file"], task, card["precision"]))
