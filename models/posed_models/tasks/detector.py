"""A finder that tells of people by their boxes: RTMDet (nets/rtmdet.py). It is quantised here, not trained."""

from __future__ import annotations

from posed_models.check.finding import FoundPeople
from posed_models.check.heldout import Judge
from posed_models.data.boxes import boxes
from posed_models.data.pictures import PictureSet
from posed_models.errors import PosedModelsError
from posed_models.nets.rtmdet import OUTPUT, PLANES, STRIDES
from posed_models.tasks.finder import Finder


class Detector(Finder):
    """Persons of a picture, as boxes."""

    name = "detector"
    output = OUTPUT
    usual = PLANES * len(STRIDES)
    card_key = "strides"
    card_says = "for each stride (pixels) a score (logit) and distances to left, top, right and bottom of a person's box,"
    titled = ""
    golden_says = "column, row and value of the highest cell of each plane"
    native = False
    finest = STRIDES[0]

    def names(self, outputs: int) -> tuple[float, ...]:
        if outputs != self.usual:
            raise PosedModelsError(f"RTMDet of one class has {self.usual} planes, this network has {outputs}")
        return STRIDES

    def held_out(self, data: PictureSet, height: int, width: int) -> Judge:
        return FoundPeople(data, height, width, read=boxes)


DETECTOR = Detector()
