"""A finder: boxes become planes and come back, pictures become views with everybody's boxes, and a network learns it."""

import csv
import json
import tomllib

import cv2
import numpy as np
import pytest
import torch

from posed_models.check.finding import FoundPeople, match, summary
from posed_models.cli import main
from posed_models.data import pictures
from posed_models.data.pictures import BLACK, PictureAugmenter, View, whole
from posed_models.data.planes import ASPECT, PLANES, SIZES, boxes, wanted
from posed_models.nets import importing
from posed_models.nets.lite_hrnet import enliven
from posed_models.tasks import build
from posed_models.tasks.finder import FINDER
from posed_models.training.native.network import NativeNetwork

SIZE = (96, 128)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """Twelve pictures of 160 x 120, each with one or two bright upright boxes on noise; the last box of one is a crowd."""
    folder = tmp_path_factory.mktemp("rooms")
    random = np.random.default_rng(4)
    images, annotations = [], []
    for i in range(12):
        picture = random.integers(0, 70, (120, 160, 3), np.uint8)
        for k in range(1 + i % 2):
            h = int(random.integers(40, 90))
            box = [int(random.integers(10, 60)) + 70 * k, int(random.integers(2, 118 - h)), h // 2, h]
            picture[box[1] : box[1] + h, box[0] : box[0] + h // 2] = random.integers(170, 255, 3)
            annotations.append({"id": len(annotations) + 1, "image_id": i, "category_id": 1, "iscrowd": 0, "bbox": box})
        cv2.imwrite(str(folder / f"{i}.png"), picture)
        images.append({"id": i, "file_name": f"{i}.png", "width": 160, "height": 120})
    annotations[-1]["iscrowd"] = 1
    annotations.append({"id": 99, "image_id": 0, "category_id": 7, "iscrowd": 0, "bbox": [0, 0, 50, 50]})
    annotations.append({"id": 100, "image_id": 0, "category_id": 1, "iscrowd": 0, "bbox": [0, 0, 20, 50], "score": 0.1})
    path = folder / "boxes.json"
    categories = [{"id": 1, "name": "person"}, {"id": 7, "name": "dog"}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path, folder


@pytest.mark.parametrize("size", [20.0, 33.0, 60.0, 113.1, 200.0, 320.0])
def test_a_person_comes_back_from_the_planes(size):
    box = [128 - size * ASPECT / 2 + 3, 96 - size / 2 - 2, size * ASPECT, size]
    planes, weights = wanted([box], [], 48, 64)
    assert planes.shape == (48, 64, PLANES) and (weights == 1).all() and planes.max() <= 1
    (found, score), *others = boxes(planes.transpose(2, 0, 1), 0.2)
    assert not others and score > 0.6
    np.testing.assert_allclose(found, box, atol=0.06 * size + 1)


def test_two_people_of_one_place_and_different_size_are_two():
    small, large = [110.0, 80.0, 30.0, 40.0], [60.0, 0.0, 140.0, 190.0]
    planes, _ = wanted([small, large], [], 48, 64)
    found = boxes(planes.transpose(2, 0, 1), 0.3)
    assert len(found) == 2 and sorted(round(b[3] / 10) for b, _ in found) == [4, 19]


def test_wide_people_have_the_box_of_a_crop():
    planes, _ = wanted([[20.0, 100.0, 120.0, 30.0]], [], 48, 64)  # who lies
    (found, _), *_ = boxes(planes.transpose(2, 0, 1), 0.3)
    assert found[3] == pytest.approx(160, rel=0.05) and found[2] == pytest.approx(120, rel=0.05)


def test_ignored_regions_and_the_smallest_count_nothing_but_what_somebody_wants_there():
    person = [100.0, 60.0, 45.0, 60.0]
    planes, weights = wanted([person, [10.0, 10.0, 6.0, 8.0]], [[90.0, 50.0, 100.0, 100.0]], 48, 64)
    assert (weights[13:37, 23:47] == (planes[13:37, 23:47] > 0.3)).all() and weights[13:37, 23:47].sum() > 0
    assert weights[3:4, 3:4].max() == 0 and planes[:8, :8].max() < 0.01 and weights[47, 63].min() == 1


def test_peaks_at_the_edges_and_in_flat_planes_do_no_harm():
    planes = np.zeros((PLANES, 12, 16), np.float32)
    assert boxes(planes, 0.1) == []
    for z, y, x in ((0, 0, 0), (PLANES - 1, 11, 15)):
        planes[z, y, x] = 0.9
    found = boxes(planes, 0.1)
    assert len(found) == 2 and {round(b[3], 3) for b, _ in found} == {round(SIZES[0], 3), round(SIZES[-1], 3)}
    assert len(boxes(np.random.default_rng(0).random((PLANES, 48, 64)).astype(np.float32), 0.1, most=7)) == 7


def test_a_view_moves_picture_and_boxes_alike(rooms):
    data = pictures.read(*rooms)
    assert len(data) == 12 and [len(p) for p in data.people[:2]] == [2, 2]  # the dog is nobody
    assert data.people[0][:, 4].tolist() == [1, 0] and data.people[-1][:, 4].tolist() == [1, 0]
    augment = PictureAugmenter(data, *SIZE, torch.Generator().manual_seed(0))
    random = np.random.default_rng(5)
    inside = 0
    for _ in range(40):
        i = int(random.integers(len(data)))
        view = augment.view((120, 160), random)
        picture = view.picture(data.load(i))
        for x, y, w, h in view.boxes(data.people[i][:1])[0]:
            middle = picture[int(y + h * 0.3) : int(y + h * 0.7) + 1, int(x + w * 0.3) : int(x + w * 0.7) + 1]
            assert middle.mean() > 120, "the bright box is where the view says"
            inside += 1
    assert inside > 20


def test_a_whole_picture_is_seen_with_black_beside_it():
    tall = np.full((300, 100, 3), 200, np.uint8)
    view = whole((300, 100), *SIZE)
    seen = view.picture(tall)
    assert seen.shape == (96, 128, 3) and (seen[:, :40] == BLACK).all() and (seen[5:-5, 60:68] == 200).all()
    ((x, y, w, h),), _ = view.boxes(np.array([[0, 0, 100, 300, 1]], np.float32))
    np.testing.assert_allclose([x, y, w, h], [48, 0, 32, 96], atol=0.01)
    huge = View(np.array([[20.0, 0, 0], [0, 20.0, 0]]), 96, 128)
    checkers = np.tile(np.kron(np.eye(2, dtype=np.uint8), np.ones((1, 1), np.uint8)) * 200, (960, 1280))[..., None].repeat(3, 2)
    assert huge.picture(checkers)[2:-2, 2:-2].std() < 3, "no stripes of a picture that is made smaller"


def test_finds_are_matched_best_first_and_crowds_are_nobody():
    person = [10.0, 10.0, 30.0, 40.0]
    finds = [([11.0, 10.0, 30.0, 40.0], 0.9), ([9.0, 11.0, 30.0, 40.0], 0.8), ([80.0, 80.0, 30.0, 40.0], 0.7)]
    assert match(finds, [person], [[70.0, 70.0, 60.0, 60.0]]) == [0, -1, -2]
    perfect = summary([0.9, 0.8], [True, True], [True, False], [1, 1])
    assert perfect == {"ap": 100.0, "recall": 100.0, "recall_small": 100.0}
    assert summary([], [], [], [2, 3]) == {"ap": 0.0, "recall": 0.0, "recall_small": 0.0}
    half = summary([0.9, 0.8, 0.7, 0.6], [True, False, False, True], [True, False, False, True], [0, 2])
    assert half["recall"] == 50.0 and 50 < half["ap"] < 80


def test_one_who_knows_finds_everybody(rooms):
    data = pictures.read(*rooms)
    held = FoundPeople(data, *SIZE)
    order = iter(range(len(data)))

    def knows(_x):
        i = next(order)
        persons, ignored = whole((120, 160), *SIZE).boxes(data.people[i])
        return torch.from_numpy(wanted(persons, ignored, 24, 32)[0]).permute(2, 0, 1)[None]

    assert held.figures(knows, None) == {"held_out_ap": 100.0, "held_out_recall": 100.0, "held_out_recall_small": 0.0}
    assert held.figures(lambda _: torch.zeros(1, PLANES, 24, 32), None)["held_out_ap"] == 0


def test_weights_of_errors_are_the_gradients(rooms):
    """The C++ agrees with PyTorch's loss of the task."""
    torch.manual_seed(3)
    net = build("naive18", "finder", PLANES)
    enliven(net, *SIZE)
    net.eval()
    native = NativeNetwork(net, *SIZE, 2)
    batch = PictureAugmenter(pictures.read(*rooms), *SIZE, torch.Generator().manual_seed(1)).draw(3)
    rows = [v.permute(0, 2, 3, 1).contiguous().numpy() for v in (batch.x, batch.wanted, batch.weight)]
    scale = 1 / float((batch.wanted**2).sum())
    loss = FINDER.losses(net(batch.x), batch, SIZE)["planes"]
    loss.backward()
    assert native.follow(rows[0], rows[1], scale, rows[2]) == pytest.approx(float(loss.detach()), rel=1e-4)
    layer = native.weights.layers[-1]
    mine = native.gradients[layer.weight : layer.weight + net.head.last.weight.numel()]
    torch.testing.assert_close(mine.view_as(net.head.last.weight), net.head.last.weight.grad, rtol=1e-3, atol=1e-6)


@pytest.mark.usefixtures("few")
def test_a_finder_is_trained_quantised_and_measured_like_the_others(rooms, tmp_path, capsys):
    data = ["--data", str(rooms[0]), "--images", str(rooms[1]), "--hold-out", "0.3", "--size", "128x96"]
    args = ["train", *data, "--task", "finder", "--native", "--arch", "naive18", "--lr", "3e-3", "--batch", "4", "--quiet"]
    torch.save({"model": build("naive18").state_dict()}, tmp_path / "pose.pt")
    args += ["--begin", str(tmp_path / "pose.pt"), "--steps", "25", "--out", str(tmp_path / "run")]
    assert main(args) == 0
    assert "pictures to train on" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").open()))
    assert rows[-1]["held_out_ap"] and rows[-1]["held_out_recall"]
    assert float(rows[-1]["loss"]) < 0.9 * float(rows[0]["loss"])
    found = importing.load(tmp_path / "run" / "last.pt")
    assert found.task is FINDER and found.outputs == PLANES
    assert main(["quantise", str(tmp_path / "run" / "last.pt"), *data, "--out", str(tmp_path / "finder")]) == 0
    assert "recall" in capsys.readouterr().out
    card = tomllib.loads((tmp_path / "finder.toml").read_text())
    assert card["output"]["sizes"] == [round(s, 2) for s in SIZES] and len(card["golden"]["peaks"]) == PLANES
    assert main(["eval", str(tmp_path / "finder.toml"), *data[:-2]]) == 0
    assert "held_out_recall_small" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change, says",
    [
        (["--teacher", "{pose}"], "--begin takes a pose network's convolutions"),
        (["--data", "{folder}"], "a finder learns from boxes"),
    ],
)
def test_what_a_finder_cannot_learn_from_is_said(change, says, rooms, tmp_path, capsys):
    torch.save({"model": build("naive18").state_dict()}, tmp_path / "pose.pt")
    given = [c.format(pose=tmp_path / "pose.pt", folder=rooms[1]) for c in change]
    args = ["train", "--data", str(rooms[0]), "--images", str(rooms[1]), "--task", "finder", "--native", "--arch", "naive18"]
    assert main([*args, "--steps", "1", "--out", str(tmp_path / "r"), *given]) == 1
    assert says in capsys.readouterr().err
