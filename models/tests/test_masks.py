"""Segmentation: outlines become class maps, a network learns them, and is measured on them."""

import json

import numpy as np
import pytest
import torch

from posed_models.check import evaluate
from posed_models.cli import main
from posed_models.data import crops, masks
from posed_models.data.augment import plain
from posed_models.errors import PosedModelsError


@pytest.fixture(scope="module")
def outlined(coco, tmp_path_factory):
    """The drawn persons with the outline of a box around each, and no crowd."""
    data = json.loads(coco[0].read_text())
    data["annotations"] = [a for a in data["annotations"] if not a["iscrowd"]]
    for a in data["annotations"]:
        a["segmentation"] = [[85, 30, 170, 30, 170, 265, 85, 265]]
    path = tmp_path_factory.mktemp("outlined") / "annotations.json"
    path.write_text(json.dumps(data))
    return path, coco[1]


def test_an_outline_lands_on_the_right_cells(outlined):
    people = masks.read(*outlined)
    batch, matrix = plain(people, torch.tensor([0]), 128, 96)
    to_photo = people.maps[0]
    y, x = np.mgrid[0:32, 0:24]
    canvas = matrix[0].numpy() @ np.stack([x.ravel() * 4 + 1.5, y.ravel() * 4 + 1.5, np.ones(768)])
    photo = to_photo @ np.vstack([canvas, np.ones(768)])
    inside = (abs(photo[0] - 127.5) < 42.5) & (abs(photo[1] - 147.5) < 117.5)
    got = batch.classes[0].numpy().ravel()
    assert (got == inside).mean() > 0.97 and 0.2 < inside.mean() < 0.8


def test_a_crowd_is_not_counted_and_a_person_in_front_of_it_is():
    crowd = {"bbox": [0, 0, 8, 8], "iscrowd": 1, "segmentation": {"counts": []}}
    person = {"bbox": [0, 0, 4, 8], "iscrowd": 0, "segmentation": [[0, 0, 3, 0, 3, 7, 0, 7]]}
    got = masks.draw([person, crowd], np.array([[1.0, 0, 0], [0, 1.0, 0]]), 12, 12)
    assert got[4, 1] == 1 and got[4, 6] == masks.IGNORED and got[10, 10] == 0


def test_a_segmentation_is_trained_exported_and_measured(outlined, tmp_path, capsys):
    args = ["--data", str(outlined[0]), "--images", str(outlined[1]), "--size", "64x64", "--hold-out", "0.4", "--device", "cpu"]
    train = ["train", *args, "--task", "segmentation", "--arch", "naive18", "--batch", "4", "--lr", "4e-3", "--quiet"]
    assert main([*train, "--steps", "40", "--out", str(tmp_path / "run")]) == 0
    assert main(["import", str(tmp_path / "run/last.pt"), str(tmp_path / "p.onnx"), "--size", "64x64"]) == 0
    figures = evaluate.figures(tmp_path / "p.toml", *outlined)
    assert figures["mIoU"] > 60, figures
    capsys.readouterr()


def test_what_has_no_outline_cannot_teach_a_segmentation(coco, outlined, capsys):
    with pytest.raises(PosedModelsError, match="no annotation has a `segmentation` polygon"):
        masks.by_photo(coco[0])
    assert crops.read(*outlined).load_mask is None
    train = ["train", "--data", "persons.npz", "--task", "segmentation", "--steps", "1", "--out", "x"]
    assert main(train) == 1 and "COCO JSON with polygons" in capsys.readouterr().err
