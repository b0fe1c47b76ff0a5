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
from typing import Any

from posed_models.check import golden
from posed_models.check.session import Session
from posed_models.data.imagenet import MEAN, STD
from posed_models.nets.checkpoint import Imported
from posed_models.nets.complexity import complexity
from posed_models.nets.lite_hrnet import ARCHS
from posed_models.tasks import TASKS, Task, head_like
from posed_models.tasks.detector import DETECTOR
from posed_models.tasks.pose import POSE

_SHARES = {4: "a quarter", 8: "an eighth"}
_GOLDEN = "# What ONNX Runtime makes of the golden picture: "


@dataclass
class Card:
    """What is known of a network beside its weights. Empty texts are left out of the file."""

    title: str
    precision: str
    names: Sequence[str | float]
    task: Task[Any] = POSE
    parameters: str = ""
    flops: str = ""
    licence: str = ""
    source: str = ""
    padding: float = 1.25
    notes: Sequence[str] = ()
    accuracy: dict[str, float] = field(default_factory=dict)


def _names(names: Sequence[str | float]) -> list[str]:
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
    reads = "# The network reads RGB as (value/255 - mean)/std, 1x3xheightxwidth"
    lines += [
        "",
        f"{reads}, and gives {card.task.card_says} at {_SHARES[card.task.finest]} of that size.",
        "[input]",
        f"width = {width}",
        f"height = {height}",
        f"mean = [{', '.join(f'{v:g}' for v in MEAN)}]",
        f"std = [{', '.join(f'{v:g}' for v in STD)}]",
    ]
    if not card.task.given:
        lines.append(f"padding = {card.padding:g} # a person's box is made this much larger before it is cropped")
    lines += ["", "[output]", f"{card.task.card_key} = [", *_names(card.names), "]"]
    if card.accuracy:
        lines += ["", *(f"# {n}" for n in card.notes), "[accuracy]"]
        lines += [f"{key} = {value:.1f}" for key, value in card.accuracy.items()]
    text = "\n".join(lines) + "\n\n" + _golden(onnx, card.task, card.precision)
    path = onnx.with_suffix(".toml")
    path.write_text(text)
    return path


def _golden(onnx: Path, task: Task[Any], precision: str) -> str:
    return f"{_GOLDEN}{task.golden_says}.\n{golden.table(onnx, task, precision)}"


def describe(imported: Imported, height: int, width: int, precision: str, licence: str, source: str) -> Card:
    """A card with parameters and FLOPs counted."""
    head = head_like(imported.task, imported.arch, imported.net.head.last.weight.shape)
    assert head is not None
    c = complexity(imported.task.net(imported.arch, head), height, width)
    kind = {"float32": "float32", "int8": "int8 (QDQ)"}[precision]
    return Card(
        title=f"{ARCHS[imported.arch].title}{imported.task.titled}, {kind}",
        precision=precision,
        names=imported.task.names(imported.outputs),
        task=imported.task,
        parameters=f"{c.parameters / 1e6:.1f} M",
        flops=f"{c.mflops:.0f} M",
        licence=licence,
        source=source,
    )


def set_golden(path: str | Path) -> None:
    """Adds a golden table to a card, or replaces the one it ends with; the rest stays as it is."""
    path = Path(path)
    text = path.read_text()
    card = tomllib.loads(text)
    if "golden" in card:
        text = text[: text.index("# What ONNX Runtime")] if "# What ONNX Runtime" in text else text[: text.index("[golden]")]
    task = next((t for t in (*TASKS.values(), DETECTOR) if t.card_key in card["output"]), POSE)
    path.write_text(text.rstrip("\n") + "\n\n" + _golden(path.parent / card["file"], task, card["precision"]))
