"""`label`: what posed saw in photos, as a COCO file to train on."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from posed_models.commands.options import Parser
from posed_models.data import labelling

NAME = "label"
SAYS = "what posed saw in photos, as a COCO file to train on"


def options(p: Parser) -> None:
    p.add_argument("lines", help="what `posed image PHOTO…` printed")
    p.add_argument("--out", required=True, help="annotations.json; train takes it as --data, with --images where posed ran")


def run(a: argparse.Namespace) -> None:
    found = labelling.to_coco(a.lines)
    Path(a.out).write_text(json.dumps(found))
    print(f"saved {a.out}: {len(found['annotations'])} persons in {len(found['images'])} photos")
