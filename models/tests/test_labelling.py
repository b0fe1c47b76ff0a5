"""posed's lines become a file to train on."""

import json

import numpy as np
import pytest

from posed_models.cli import main
from posed_models.data import crops, labelling
from posed_models.data.skeletons import COCO_17
from posed_models.errors import PosedModelsError


def line(source, people=1, score=0.9, **more):
    joints = {name: [10.0 + i, 20.0 + 2 * i, score if i else 0.1] for i, name in enumerate(COCO_17.names)}
    person = {"id": 1, "score": 0.8, "box": [5.0, 6.0, 70.0, 80.0], "poses": [], "keypoints": joints}
    frame = {"schema": "posed/1", "type": "frame", "t": 0.0, "frame": 0, "size": [260, 300], "source": source}
    return json.dumps({**frame, "people": [person] * people, **more})


def test_lines_become_crops_to_train_on(coco, tmp_path, capsys):
    event = json.dumps({"schema": "posed/1", "type": "event", "t": 0.0})
    (tmp_path / "lines.jsonl").write_text("\n".join([line("0.png", 2), event, line("1.png", 0), line("2.png")]))
    assert main(["label", str(tmp_path / "lines.jsonl"), "--out", str(tmp_path / "own.json")]) == 0
    assert "3 persons in 3 photos" in capsys.readouterr().out
    people = crops.read(tmp_path / "own.json", coco[1])
    assert list(people.groups) == ["0.png", "0.png", "2.png"]
    assert people.keypoints[0, 0, 2] == 0 and (people.keypoints[0, 1:, 2] == 2).all()
    # canvas pixels, by the map back to the photo
    m = people.maps[0]
    assert np.allclose(people.keypoints[0, 3, :2] * m[0, 0] + m[:, 2], [13, 26], atol=1e-3)
    assert people.load(0).shape == (400, 330, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"lines.jsonl:1: is no JSON: give the lines that `posed image` prints"),
        ('{"schema": "posed/2"}', r"lines.jsonl:1: its schema is not posed/1"),
        ('{"schema": "posed/1", "type": "frame"}', r"names no photo: give the lines of `posed image`, not those of a camera"),
        (line("0.png", 0), r"no person with joints in 1 photos"),
        (line("0.png", score=0.2), r"no person with joints"),
        (line("0.png").replace("left_hip", "pelvis"), r"its joints are not COCO's 17"),
    ],
)
def test_other_lines_are_refused(text, message, tmp_path):
    (tmp_path / "lines.jsonl").write_text(text)
    with pytest.raises(PosedModelsError, match=message):
        labelling.to_coco(tmp_path / "lines.jsonl")
