"""Figures of accuracy, cards and golden outputs."""

import json
import tomllib

import cv2
import numpy as np
import pytest
from conftest import REPOSITORY

from posed_models.check import card, evaluate, golden, keypoints
from posed_models.check.metrics import Confusion, average_precision, oks, pck, pckh
from posed_models.check.session import Session
from posed_models.cli import main
from posed_models.data.decode import crop_matrix, dark, photo
from posed_models.data.imagenet import normalise
from posed_models.data.skeletons import COCO_17, MPII_16, SKELETONS
from posed_models.errors import PosedModelsError
from posed_models.tasks.pose import POSE
from posed_models.tasks.task import MOST_TOLERANCE

MODELS = REPOSITORY / "models"
FLOAT = MODELS / "wider_naive_lite_hrnet_18_f32.toml"


def test_a_photo_stands_as_exif_says_unless_it_was_annotated_lying(tmp_path):
    lying = np.zeros((40, 60, 3), np.uint8)
    lying[:, :30] = 255  # as it is stored, the left half is white
    jpeg = cv2.imencode(".jpg", lying)[1].tobytes()
    tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    body = b"Exif\0\0" + tiff
    path = tmp_path / "turned.jpg"
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:])
    upright = photo(path)
    assert upright.shape == (60, 40, 3) and upright[:25].mean() > 250 and upright[35:].mean() < 5
    assert photo(path, (40, 60)).shape == (60, 40, 3)
    stored = photo(path, (60, 40))
    assert stored.shape == (40, 60, 3) and stored[:, :25].mean() > 250


def test_the_default_model_finds_the_drawn_person(coco, tmp_path):
    figures = evaluate.figures(FLOAT, *coco, tmp_path / "found.json")
    assert tuple(figures) == keypoints.COCO_FIGURES
    assert figures["AP50"] > 0.9  # six persons; the crowd is not asked for
    found = json.loads((tmp_path / "found.json").read_text())
    assert len(found) == 6 and len(found[0]["keypoints"]) == 51 and found[0]["score"] > 0.5


def test_the_default_model_is_right_on_held_out_drawn_persons(coco, capsys):
    model = str(REPOSITORY / "models" / "wider_naive_lite_hrnet_18.toml")
    assert main(["eval", model, "--data", str(coco[0]), "--images", str(coco[1]), "--hold-out", "0.5"]) == 0
    words = capsys.readouterr().out.split()
    assert float(words[words.index("held_out_pck") + 1]) > 60 and float(words[words.index("held_out_ap") + 1]) > 60
    assert main(["eval", model, "--annotations", str(coco[0])]) == 1
    assert "give --annotations with --images, or --data" in capsys.readouterr().err


def test_joints_and_annotations_must_belong_together(mpii):
    with pytest.raises(PosedModelsError, match="has 17 joints, MPII has 16"):
        evaluate.figures(FLOAT, *mpii)


def test_the_crop_is_that_of_the_rust_program():
    tall = crop_matrix(np.array([0.0, 0.0, 10.0, 100.0]), 256, 192)
    assert (tall[0, 0] * 192, tall[1, 1] * 256) == (93.75, 125.0)
    assert np.allclose(tall @ [96, 128, 1], [5.0, 50.0])


def test_dark_finds_a_gaussian_to_a_twentieth_of_a_cell():
    y, x = np.mgrid[0:64, 0:48]
    for cx, cy in ((12.0, 12.0), (20.3, 33.8), (35.9, 51.2)):
        got = dark(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 8))
        assert abs(got[0] - cx) < 0.05 and abs(got[1] - cy) < 0.05
    assert dark(np.full((8, 6), np.nan)) == (0.0, 0.0, 0.0)
    assert dark(np.eye(8, 6))[:2] == (0.0, 0.0)


def test_pck_counts_joints_within_a_fifth_of_the_torso():
    truth = np.zeros((1, 17, 3))
    truth[0, :, 2] = 1
    truth[0, 12, 1] = 100  # right hip 100 under the left shoulder
    found = truth[..., :2].copy()
    found[0, 0, 0] = 19.9
    found[0, 1, 0] = 20.1
    assert pck(found, truth, COCO_17) == pytest.approx(100 * 16 / 17)


def test_ap_of_one_find_a_person_is_that_of_pycocotools(tmp_path):
    rng = np.random.default_rng(4)
    n = 60
    truth = np.concatenate([rng.uniform(0, 200, (n, 17, 2)), rng.integers(0, 2, (n, 17, 1))], 2)
    truth[:, 0, 2] = 2
    found = truth + rng.normal(0, 1, truth.shape) * rng.uniform(1, 20, (n, 1, 1))
    area, score = rng.uniform(1e3, 4e4, n), rng.permutation(n) / n
    ids = range(1, n + 1)
    people = [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [0, 0, 200, 200], "area": a, "iscrowd": 0,
         "num_keypoints": int((t[:, 2] > 0).sum()), "keypoints": t.ravel().tolist()}
        for i, a, t in zip(ids, area, truth, strict=True)
    ]  # fmt: skip
    file = tmp_path / "truth.json"
    categories = [{"id": 1, "name": "person", "keypoints": [], "skeleton": []}]
    file.write_text(json.dumps({"images": [{"id": i} for i in ids], "annotations": people, "categories": categories}))
    finds = [
        {"image_id": i, "category_id": 1, "keypoints": f.ravel().tolist(), "score": s}
        for i, f, s in zip(ids, found, score, strict=True)
    ]
    ours = average_precision(oks(found, truth, area, COCO_17), score)
    assert 10 < ours < 90
    assert ours == pytest.approx(100 * keypoints.coco_figures(file, finds)["AP"])


def test_pckh_leaves_pelvis_and_thorax_out():
    truth = np.zeros((1, 16, 3))
    truth[0, :, 2] = 1
    found = truth[..., :2].copy()
    found[0, [6, 7]] = 999
    assert pckh(found, truth, np.array([10.0]), MPII_16) == 100
    found[0, 0, 0] = 5.1
    assert pckh(found, truth, np.array([10.0]), MPII_16) == pytest.approx(100 * 13 / 14)


def test_iou_is_intersection_over_union_and_255_is_not_counted():
    c = Confusion(3)
    c.add(np.array([[0, 0, 1, 255]]), np.array([[0, 1, 1, 1]]))
    iou = c.iou()
    assert iou[0] == 50 and iou[1] == 50 and np.isnan(iou[2])
    assert c.mean_iou() == 50


def test_mirror_tables_name_the_other_side():
    for skeleton in SKELETONS.values():
        for i, j in enumerate(skeleton.mirror):
            a, b = skeleton.names[i], skeleton.names[j]
            assert skeleton.mirror[j] == i and a.replace("left", "x").replace("right", "x") == b.replace("left", "x").replace(
                "right", "x"
            )
            assert (a == b) == ("left" not in a and "right" not in a)


def test_a_segmentation_network_is_exported_measured_and_has_a_card(tmp_path, capsys):
    out = tmp_path / "person.onnx"
    args = ["export", "--arch", "naive18", "--task", "segmentation", "--classes", "2", "--size", "96x64", "--random", "7"]
    assert main([*args, str(out)]) == 0
    c = tomllib.loads((tmp_path / "person.toml").read_text())
    assert c["output"]["classes"] == ["background", "person"] and (c["input"]["width"], c["input"]["height"]) == (96, 64)
    assert sum(c["golden"]["shares"]) == pytest.approx(1, abs=1e-3)
    rng = np.random.default_rng(0)
    found = Session(out).run(rng.standard_normal((1, 3, 64, 96)))[0].argmax(0)
    assert 0.2 < found.mean() < 0.8  # of random weights, both classes
    assert Session(out).run(np.zeros((1, 3, 64, 96))).shape == (1, 2, 16, 24)
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks" / "a.png"), np.eye(64, 96, dtype=np.uint8))
    cv2.imwrite(str(tmp_path / "a.jpg"), golden.figure(64, 96))
    capsys.readouterr()
    assert main(["eval", str(tmp_path / "person.toml"), "--annotations", str(tmp_path / "masks"), "--images", str(tmp_path)]) == 0
    assert "mIoU" in capsys.readouterr().out


def peaks_agree(path):
    c = tomllib.loads(path.read_text())
    session = Session(path.parent / c["file"])
    picture = golden.fit(golden.picture(path.parent), *session.size)
    heat = session.run(normalise(picture)[None])[0]
    return all(
        max(abs(plane[int(y), int(x)] - value), abs(plane.max() - value)) <= c["golden"]["tolerance"]
        for plane, (x, y, value) in zip(heat, c["golden"]["peaks"], strict=True)
    )


def test_the_golden_table_is_what_the_network_gives_and_no_other_does(tmp_path):
    for name in (FLOAT.name, FLOAT.with_suffix(".onnx").name, "lite_hrnet_18_f32.onnx"):
        (tmp_path / name).write_bytes((MODELS / name).read_bytes())
    path = tmp_path / FLOAT.name
    before = path.read_text()
    card.set_golden(path)
    first = path.read_text()
    card.set_golden(path)
    assert path.read_text() == first != before  # another picture than the published one: the drawn person
    assert first.split("[golden]")[0] == before.split("[golden]")[0]
    assert peaks_agree(path)
    path.write_text(first.replace(FLOAT.with_suffix(".onnx").name, "lite_hrnet_18_f32.onnx"))
    assert not peaks_agree(path)


def test_the_published_cards_have_golden_tables_that_onnx_runtime_confirms():
    cards = sorted(MODELS.glob("*lite_hrnet_18*.toml"))
    assert len(cards) >= 4 and all(peaks_agree(path) for path in cards)


def test_a_golden_tolerance_is_what_onnx_runtime_allows_itself_up_to_a_limit(tmp_path, monkeypatch):
    for name in ("wider_naive_lite_hrnet_18.onnx", golden.NAME):
        (tmp_path / name).write_bytes((MODELS / name).read_bytes())
    real = golden.Session

    def session(onnx, rewritten=False):
        s = real(onnx, rewritten)
        plain = s.run
        s.run = (lambda x: plain(x) + 0.2) if rewritten else plain  # another engine, further away
        return s

    onnx = tmp_path / "wider_naive_lite_hrnet_18.onnx"
    near = tomllib.loads(golden.table(onnx, POSE, "int8"))["golden"]["tolerance"]
    monkeypatch.setattr(golden, "Session", session)
    far = tomllib.loads(golden.table(onnx, POSE, "int8"))["golden"]["tolerance"]
    assert 0.1 <= near <= far == MOST_TOLERANCE


def test_a_golden_picture_is_fitted_by_nearest_neighbour():
    small = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert golden.fit(small, 4, 6)[:, :, 0].tolist() == [[0, 0, 0, 3, 3, 3]] * 2 + [[6, 6, 6, 9, 9, 9]] * 2


def test_a_card_says_everything_that_posed_reads(tmp_path):
    onnx = tmp_path / "mine.onnx"
    onnx.write_bytes((MODELS / "lite_hrnet_18.onnx").read_bytes())
    args = ["card", str(onnx), "--title", "Mine", "--precision", "int8", "--licence", "MIT", "--ap", "16.8", "--note", "on three"]
    assert main(args) == 0
    mine = tomllib.loads((tmp_path / "mine.toml").read_text())
    theirs = tomllib.loads((MODELS / "lite_hrnet_18.toml").read_text())
    assert mine["sha256"] == theirs["sha256"]
    assert mine["input"] == theirs["input"] and mine["output"] == theirs["output"]
    assert mine["accuracy"] == {"ap": 16.8}
    assert set(mine) <= set(theirs)
