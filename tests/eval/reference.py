"""What pycocotools says about a file of detections, to compare `posed eval` with.

In:  python tests/eval/reference.py ANNOTATIONS.json DETECTIONS.json
     COCO person-keypoint annotations, and a COCO results list of {image_id, category_id, keypoints, score};
     needs pycocotools (last run with 2.0.11)
Out: one JSON object on stdout, each value from 0 to 1, or -1 where the annotations hold no person of that size
"""

import contextlib
import json
import os
import sys

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

NAMES = ["AP", "AP50", "AP75", "APm", "APl", "AR", "AR50", "AR75", "ARm", "ARl"]


def evaluate(annotations: str, detections: str) -> dict[str, float]:
    """The ten keypoint figures of COCOeval; all zero when nothing was detected."""
    with open(detections) as file:
        found = json.load(file)
    if not found:
        return dict.fromkeys(NAMES, 0.0)
    with open(os.devnull, "w") as silence, contextlib.redirect_stdout(silence):
        truth = COCO(annotations)
        run = COCOeval(truth, truth.loadRes(found), iouType="keypoints")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return {name: float(value) for name, value in zip(NAMES, run.stats, strict=True)}


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python tests/eval/reference.py ANNOTATIONS.json DETECTIONS.json")
    print(json.dumps(evaluate(sys.argv[1], sys.argv[2])))
