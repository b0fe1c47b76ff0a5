"""`persons`: folders of photos to persons to train on, without marking a joint."""

from __future__ import annotations

import argparse
import re
import zlib
from pathlib import Path

import cv2

from posed_models.commands.options import Parser
from posed_models.data import persons
from posed_models.data.detector import Detector
from posed_models.errors import PosedModelsError

NAME = "persons"
SAYS = "folders of photos to persons to train on, found by a detector or boxed by YOLO labels"


def expression(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as e:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {e}") from e


def options(p: Parser) -> None:
    p.add_argument("folders", nargs="+", help="folders of .jpg and .png")
    p.add_argument("--out", required=True, help="OUT.npz, which train takes as --data; the boxes of all persons go to OUT.json")
    p.add_argument("--detector", help="RTMDet of one class as ONNX: models/detector/rtmdet_nano_person.onnx")
    p.add_argument("--labels", action="store_true", help="boxes of YOLO's folder `labels` beside each folder of photos too")
    p.add_argument("--least", type=float, default=0.4, help="the least score of a person that the detector finds")
    p.add_argument(
        "--skip", type=expression, help="leave out photos with this in their name, a regular expression: '[0-9]{12}_jpg'"
    )
    p.add_argument("--avoid", action="append", default=[], help="leave out photos that look like one in this folder")


def run(a: argparse.Namespace) -> None:
    if not a.detector and not a.labels:
        raise PosedModelsError("who says where a person is? Give --detector, or --labels")
    if not 0 < a.least < 1:
        raise PosedModelsError(f"--least is {a.least}: a score lies between 0 and 1")
    if Path(a.out).suffix != ".npz":
        raise PosedModelsError(f"{a.out}: --out names a file that ends in .npz")
    photos = [f for f in persons.files(a.folders) if a.skip is None or not a.skip.search(f.name)]
    # by hash, so that neither kinds nor days lie together
    photos.sort(key=lambda f: zlib.crc32(f.name.encode()))
    known = [persons.look(p) for f in (persons.files(a.avoid) if a.avoid else []) if (p := cv2.imread(str(f))) is not None]
    detector = Detector(a.detector) if a.detector else None
    find = (lambda photo: detector.find(photo, a.least)) if detector is not None else None
    count = persons.gather(photos, persons.Cutter(find, a.labels, known), Path(a.out), lambda s: print(s, flush=True))
    left_out = ", ".join(f"{count[why]} {why}" for why in ("unreadable", "twice", "avoided") if count[why])
    print(f"saved {a.out}: {count['persons']} persons of {count['used']} photos" + (f"; left out {left_out}" if left_out else ""))
