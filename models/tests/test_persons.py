"""Persons are cut out of photos by boxes of a detector, of YOLO's labels, or both, and training reads them."""

import json
import threading

import cv2
import numpy as np
import onnx
import pytest
from conftest import PHOTOS
from onnx import TensorProto, helper, numpy_helper

from posed_models.cli import main
from posed_models.data import crops, persons
from posed_models.data.detector import SIDE, STRIDES, Detector

BOX = [100.0, 60.0, 160.0, 300.0]
"""x, y, w, h of the person that the fake detector sees in a photo of 416 x 416 pixels."""


@pytest.fixture
def detector(tmp_path):
    """Sees one person of score 0.9 at BOX, from three cells of stride 16, and one of 0.3 far away, whatever the photo."""
    maps = {}
    for stride in STRIDES:
        cells = SIDE // stride
        scores, sides = np.full((1, 1, cells, cells), -9.0, np.float32), np.zeros((1, 4, cells, cells), np.float32)
        if stride == 16:
            for y, x, p in ((12, 10, 0.9), (12, 11, 0.8), (13, 10, 0.6), (2, 22, 0.3)):
                scores[0, 0, y, x] = np.log(p / (1 - p))
                left, top = x * stride - BOX[0], y * stride - BOX[1]
                sides[0, :, y, x] = (left, top, BOX[2] - left, BOX[3] - top) if p > 0.5 else (30, 30, 30, 30)
        maps[f"scores_{stride}"], maps[f"sides_{stride}"] = scores, sides
    names = [f"{kind}_{s}" for kind in ("scores", "sides") for s in STRIDES]
    nodes = [helper.make_node("ReduceMin", ["x"], ["least"], keepdims=0), helper.make_node("Sub", ["least", "least"], ["zero"])]
    nodes += [helper.make_node("Add", [f"{n}_c", "zero"], [n]) for n in names]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, maps[n].shape) for n in names]
    picture = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "height", "width"])
    constants = [numpy_helper.from_array(maps[n], f"{n}_c") for n in names]
    graph = helper.make_graph(nodes, "fake", [picture], outputs, constants)
    path = tmp_path / "detector.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def photos(tmp_path):
    """Four photos of 416 x 416, two of them the same; a broken one; labels of the first: BOX once more, and somebody else."""
    folder, labels = tmp_path / "set" / "images", tmp_path / "set" / "labels"
    folder.mkdir(parents=True)
    labels.mkdir()
    random = np.random.default_rng(0)
    for name in ("a", "b", "c_123456789012_jpg"):
        blocks = random.integers(0, 256, (13, 13, 3), np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), cv2.resize(blocks, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST))
    (folder / "twin_of_a.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "broken.png").write_bytes(b"none")
    x, y, w, h = (v / SIDE for v in BOX)
    outline = "0 " + " ".join(["0.1"] * 8)
    (labels / "a.txt").write_text(f"0 {x + w / 2} {y + h / 2 + 0.01} {w} {h}\n0 0.9 0.5 0.1 0.25\n{outline}\n")
    return folder


def test_a_detectors_maps_become_one_box_a_person(detector):
    photo = np.zeros((208, 208, 3), np.uint8)  # half as large as the detector's square
    (box, score), *others = Detector(detector).find(photo, 0.4)
    assert not others and score == pytest.approx(0.9, abs=1e-4)
    np.testing.assert_allclose(box, [v / 2 for v in BOX], atol=1e-3)
    assert len(Detector(detector).find(photo, 0.2)) == 2


def test_folders_become_crops_and_a_coco_file_of_boxes(detector, photos, tmp_path, capsys):
    out = tmp_path / "own.npz"
    args = ["persons", str(photos), "--detector", str(detector), "--labels", "--skip", "[0-9]{12}_jpg", "--out", str(out)]
    assert main(args) == 0
    assert "2 persons of 2 photos; left out 1 unreadable, 1 twice" in capsys.readouterr().out
    people = crops.read(out)
    assert len(people) == 2 and len(set(people.groups)) == 2 and not people.labelled().any()
    cx, cy, w, h = people.boxes[0]
    rows, columns = people.canvas_size
    assert (cx, cy) == (columns / 2, rows / 2) and w / h == pytest.approx(BOX[2] / BOX[3], rel=1e-3)
    name = people.groups[0]
    photo, scale = cv2.imread(name)[:, :, ::-1], BOX[3] / h
    middle = photo[int(BOX[1] + BOX[3] / 2), int(BOX[0] + BOX[2] / 2)]
    assert abs(people.load(0)[rows // 2, columns // 2].astype(int) - middle).max() < 30 and scale > 0.5
    found = json.loads(out.with_suffix(".json").read_text())
    assert {i["file_name"] for i in found["images"]} == set(people.groups)
    # The label over the detector's box is nobody new; the other one is, but too unsure to learn a pose from.
    scores = sorted(a["score"] for a in found["annotations"])
    assert scores == pytest.approx([0, 0.9, 0.9], abs=1e-3)
    assert len(crops.read(out.with_suffix(".json"), "/", boxed=True)) == 3
    assert len(crops.read(out.with_suffix(".json"), "/")) == 0


def test_without_a_detector_the_labels_are_the_persons(photos, tmp_path, capsys):
    out = tmp_path / "own.npz"
    assert main(["persons", str(photos), "--labels", "--out", str(out)]) == 0
    assert "2 persons of 3 photos" in capsys.readouterr().out


def test_of_twins_the_first_is_used_even_if_the_second_is_done_before(photos, tmp_path):
    done = threading.Event()

    class Slow(persons.Cutter):
        def of(self, path):
            if path.stem == "a":
                assert done.wait(60)
            photo = super().of(path)
            if path.stem == "twin_of_a":
                done.set()
            return photo

    out = tmp_path / "own.npz"
    files = [photos / "a.png", photos / "twin_of_a.png"]
    count = persons.gather(files, Slow(None, labels=True), out)
    assert (count["used"], count["twice"]) == (1, 1)
    assert set(crops.read(out).groups) == {str(photos / "a.png")}


def test_photos_like_those_to_avoid_are_left_out(detector, photos, tmp_path, capsys):
    away = tmp_path / "away"
    away.mkdir()
    bright = cv2.imread(str(photos / "b.png")).astype(int) * 0.8 + 20
    cv2.imwrite(str(away / "other.jpg"), bright.astype(np.uint8))
    args = ["persons", str(photos), "--detector", str(detector), "--avoid", str(away), "--out", str(tmp_path / "o.npz")]
    assert main(args) == 0
    assert "1 avoided" in capsys.readouterr().out
    assert not any(g.endswith("b.png") for g in crops.read(tmp_path / "o.npz").groups)


def test_the_bundled_detector_finds_the_persons_of_the_photos():
    find = Detector(PHOTOS.parent / "models" / "detector" / "rtmdet_nano_person.onnx").find
    for name, people in (("astronaut", 1), ("cameraman", 1), ("basketball", 2)):
        assert len(find(cv2.imread(str(PHOTOS / f"{name}.jpg")), 0.4)) == people, name


@pytest.mark.parametrize(
    "args, says",
    [
        (["{photos}", "--out", "o.npz"], "Give --detector, or --labels"),
        (["{photos}", "--labels", "--out", "o.json"], "o.json: --out names a file that ends in .npz"),
        (["{photos}", "--detector", "none.onnx", "--out", "o.npz"], "none.onnx: no such file"),
        (["nowhere", "--labels", "--out", "o.npz"], "nowhere: no such folder"),
        (["{labels}", "--labels", "--out", "o.npz"], "no .jpg or .png in it"),
        (["{photos}", "--detector", "{photos}/broken.png", "--out", "o.npz"], "ONNX Runtime cannot load it"),
        (["{photos}", "--labels", "--least", "1.5", "--out", "o.npz"], "a score lies between 0 and 1"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(args, says, photos, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = [a.format(photos=photos, labels=photos.parent / "labels") for a in args]
    assert main(["persons", *given]) == 1
    error = capsys.readouterr().err
    assert says in error and error.startswith("error: ") and not list(tmp_path.glob("o.*"))


def test_a_label_that_is_no_box_is_named(photos, tmp_path, capsys):
    (photos.parent / "labels" / "b.txt").write_text("0 0.5 0.5 0.2 0.2\nperson 1 2\n")
    assert main(["persons", str(photos), "--labels", "--out", str(tmp_path / "o.npz")]) == 1
    assert "b.txt: line 2 is no box" in capsys.readouterr().err


def test_photos_of_nobody_write_nothing(photos, tmp_path, capsys):
    (photos.parent / "labels" / "a.txt").unlink()
    assert main(["persons", str(photos), "--labels", "--out", str(tmp_path / "o.npz")]) == 1
    assert "nothing is written" in capsys.readouterr().err and not (tmp_path / "o.npz").exists()


def test_the_look_of_a_photo_outlives_light_and_compression():
    photo = cv2.imread(str(PHOTOS / "astronaut.jpg"))
    other = cv2.imread(str(PHOTOS / "basketball.jpg"))
    changed = cv2.imdecode(cv2.imencode(".jpg", cv2.resize(photo, (200, 200)) // 2, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1)
    assert (persons.look(photo) ^ persons.look(changed)).bit_count() <= persons.ALIKE_BITS
    assert (persons.look(photo) ^ persons.look(other)).bit_count() > persons.ALIKE_BITS


def test_a_file_that_is_no_file_of_persons_is_named(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"none")
    np.savez(tmp_path / "y.npz", bytes=np.zeros(1))
    for name in ("x.npz", "y.npz"):
        with pytest.raises(Exception, match=f"{name}: no file of persons"):
            crops.read(tmp_path / name)
