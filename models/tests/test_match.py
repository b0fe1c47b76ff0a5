"""A patient teacher: the student follows it on every crop, on persons of several files, with labels or without."""

import copy
import csv
import json

import numpy as np
import pytest
import torch

from posed_models.check import labels
from posed_models.cli import main
from posed_models.data import crops, rooms
from posed_models.data.augment import CUT_BY_THE_EDGE, Augmenter, targets
from posed_models.data.feed import Feed, cut
from posed_models.data.skeletons import COCO_17
from posed_models.errors import PosedModelsError
from posed_models.nets.blocks import fold_bn
from posed_models.nets.lite_hrnet import enliven
from posed_models.tasks import build
from posed_models.tasks.pose import POSE
from posed_models.training.native.feed import Feeder
from posed_models.training.native.lessons import USUAL_POWER
from posed_models.training.native.match import Match
from posed_models.training.native.trainer import NativeTrainer
from posed_models.training.trainer import Settings


@pytest.fixture
def boxed(coco, tmp_path):
    """The same pictures without a joint."""
    data = json.loads(coco[0].read_text())
    data["annotations"] = [{k: v for k, v in a.items() if k not in ("keypoints", "num_keypoints")} for a in data["annotations"]]
    path = tmp_path / "boxed.json"
    path.write_text(json.dumps(data))
    return path, coco[1]


def network(seed):
    torch.manual_seed(seed)
    net = build("naive18")
    enliven(net, 64, 64)
    return net


def test_a_student_follows_what_its_teacher_says_of_the_very_crop(boxed, tmp_path):
    people = crops.read(*boxed, boxed=True).store(1)
    settings = Settings(arch="naive18", steps=1000, height=64, width=64, batch=4, lr=1e-3, match="heatmaps")
    net = network(6)
    teacher = fold_bn(copy.deepcopy(net)).eval()
    with torch.no_grad():  # heatmaps of a usual height, and a student that has forgotten its last layer
        for p in teacher.keypoint_head.final_layer.parameters():
            p.mul_(0.02)
        for p in net.keypoint_head.final_layer.parameters():
            p.zero_()
    t = NativeTrainer(settings, people, None, teacher, tmp_path, 2)
    t.start_from(net)
    losses = [t.step(0.3)["loss"] for _ in range(30)]
    assert np.mean(losses[-8:]) < 0.8 * np.mean(losses[:8])


def test_peaks_are_gaussians_where_the_teachers_peaks_are(coco):
    said = torch.zeros(2, 17, 64, 48)
    where = torch.rand(2, 17, 2) * torch.tensor([40.0, 56.0]) + 4
    said = targets(torch.cat([where * 4, torch.ones(2, 17, 1)], 2), 256, 192)[0] * 0.7
    said[0, 5] = 0

    class Teacher:
        def run(self, pictures):
            return said.permute(0, 2, 3, 1).numpy()

    class Student:
        heatmap_shape = (64, 48, 17)

        def learn(self, pictures, wanted, sigma, much):
            assert sigma == 2.0 and much == 1 / (2 * 64 * 48 * 17 * USUAL_POWER)
            near = np.abs(wanted[..., :2] - where.numpy()) < 0.3
            assert near.all(2).sum() == 2 * 17 - 1 and wanted[0, 5, 2] == 0
            np.testing.assert_allclose(np.delete(wanted[..., 2].ravel(), 5), 0.7, atol=0.05)
            assert (wanted[..., 3] == 1).all() and wanted.dtype == np.float32
            return 0.25

    feed = Feed(np.zeros((2, 256, 192, 3), np.float32))
    augment = Augmenter(crops.read(*coco), 256, 192, torch.Generator())
    assert Match(augment, Teacher(), "peaks", 0.0).teach(Student(), feed) == 0.25


@pytest.mark.parametrize("way", ["heatmaps", "peaks"])
def test_where_a_label_contradicts_the_teacher_the_label_counts(way, coco):
    augment = Augmenter(crops.read(*coco).store(1), 256, 192, torch.Generator().manual_seed(1))
    maps = augment.maps(3)
    labels = augment.placed(augment.keypoints[maps.which], maps.matrix, maps.flip)
    said = targets(labels, 256, 192)[0]
    said[1, 9] = said[1, 9].roll(20, 0)  # one joint elsewhere, for which the label counts if it is inside
    inside = bool(labels[1, 9, 2] > 0)
    assert inside, "this seed shows the wrist"
    x, y = (labels[1, 9, :2] / 4).tolist()

    class Teacher:
        def run(self, pictures):
            return said.permute(0, 2, 3, 1).contiguous().numpy()

    class Student:
        heatmap_shape = (64, 48, 17)

        def follow(self, pictures, wanted, much, weight):
            row, column = np.unravel_index(wanted[1, :, :, 9].argmax(), (64, 48))
            assert abs(row - y) <= 1 and abs(column - x) <= 1 and wanted[1, :, :, 9].max() == pytest.approx(0.6, abs=0.06)
            assert (weight[1, :, :, 9] == 0.25).all() and weight.sum() == weight.size - 0.75 * 64 * 48
            return 0.5

        def learn(self, pictures, wanted, sigma, much):
            np.testing.assert_allclose(wanted[1, 9], [x, y, 0.6, 0.25], atol=1e-4)
            assert (wanted[..., 3] < 1).sum() == 1
            return 0.5

    feed = Feed(np.zeros((3, 256, 192, 3), np.float32), maps)
    assert Match(augment, Teacher(), way, 0.25).teach(Student(), feed) == 0.5


def test_it_wants_the_teachers_heatmaps_of_the_crop_as_it_is_fed(boxed, tmp_path):
    """A student with the teacher's own weights has nothing to learn, however the crop is cut and coloured."""
    people = crops.read(*boxed, boxed=True).store(1)
    net = network(6)
    settings = Settings(arch="naive18", steps=1000, height=64, width=64, batch=4, match="heatmaps")
    t = NativeTrainer(settings, people, None, fold_bn(network(6)).eval(), tmp_path, 2)
    t.start_from(net)
    assert t.lessons.teach(t.native, t._feeder.make()) < 1e-6
    assert float(t.native.gradients.abs().max()) < 1e-3


def test_train_and_eval_take_several_files_and_persons_by_box_only(coco, boxed, tmp_path, capsys):
    torch.save({"model": network(6).state_dict()}, tmp_path / "teacher.pt")
    data = ["--data", str(coco[0]), str(boxed[0]), "--images", str(coco[1]), "--hold-out", "0.5"]
    args = ["train", *data, "--native", "--match", "--teacher", str(tmp_path / "teacher.pt"), "--arch", "naive18", "--size"]
    args += ["64x64", "--batch", "2", "--steps", "3", "--out", str(tmp_path / "run"), "--quiet"]
    assert main(args) == 0
    assert "2 persons to train on, 10 held out" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").open()))
    assert all(rows[-1][f"{part}_{name}"] for part in ("held_out", "taught") for name in ("error", "pck", "ap"))
    assert main([*args, "--resume"]) == 0
    export = ["quantise", str(tmp_path / "run" / "last.pt"), *data, "--size", "64x64", "--out", str(tmp_path / "n")]
    assert main(export) == 0
    said = capsys.readouterr().out
    assert "with labels: heatmap error" in said and "by box only: heatmap error" in said
    measure = ["eval", str(tmp_path / "n_f32.toml"), *data]
    assert main([*measure, "--teacher", str(tmp_path / "teacher.pt")]) == 0
    figures = capsys.readouterr().out
    assert "held_out_pck" in figures and "taught_ap" in figures
    assert main([*measure[:3], str(boxed[0]), "--images", str(coco[1]), "--hold-out", "1"]) == 1
    assert "add --teacher" in capsys.readouterr().err


def test_what_match_needs_is_said(coco, boxed, tmp_path, capsys):
    args = ["train", "--data", str(coco[0]), "--images", str(coco[1]), "--steps", "1", "--out", str(tmp_path / "r"), "--match"]
    assert main(args) == 1
    assert "--match belongs to --native" in capsys.readouterr().err
    assert main([*args, "--native", "--arch", "naive18", "--size", "64x64"]) == 1
    assert "add --teacher" in capsys.readouterr().err
    boxes = ["train", "--data", str(boxed[0]), "--images", str(coco[1]), "--steps", "1", "--out", str(tmp_path / "r")]
    assert main(boxes) == 1, "nobody tells where the joints are"


def test_files_of_different_joints_are_not_joined(coco, mpii):
    with pytest.raises(PosedModelsError, match="different joints"):
        crops.read(*coco).join([crops.read(*mpii)])


def test_joined_files_keep_their_persons_and_their_halves(coco, boxed):
    one, two = crops.read(*coco), crops.read(*boxed, boxed=True).subset([1, 3])
    both = one.join([two])
    assert len(both) == 8 and both.labelled().tolist() == [True] * 6 + [False] * 2
    np.testing.assert_array_equal(both.load(7), two.load(1))
    np.testing.assert_array_equal(both.load(2), one.load(2))
    np.testing.assert_array_equal(both.boxes[6], two.boxes[0])


def test_a_teachers_word_is_what_counts_of_persons_without_labels(coco, boxed):
    people = crops.read(*boxed, boxed=True)
    joints = torch.rand(6, 17, 2) * 40 + 10
    said = targets(torch.cat([joints, torch.ones(6, 17, 1)], 2), 64, 64)[0]
    back = said[:, COCO_17.mirror].flip(-1).roll(1, -1)  # column c is width − c in the mirror
    state = {"asked": 0}

    def teacher(x):
        state["asked"] += 1
        return (said, back, said)[(state["asked"] - 1) % 3] if len(x) == 6 else None

    held = POSE.held_out(people, 64, 64)
    assert held.figures(lambda _: said, None) == {}
    first = held.figures(lambda _: said, teacher)
    assert set(first) == {"taught_error", "taught_pck", "taught_ap"}
    assert first["taught_ap"] == 0 or first["taught_pck"] > 0
    labelled = POSE.held_out(crops.read(*coco), 64, 64).figures(lambda _: said, teacher)
    assert set(labelled) == {"held_out_error", "held_out_pck", "held_out_ap"}


def test_both_ways_is_the_mean_of_an_answer_and_of_the_mirrored_one():
    x = torch.rand(2, 3, 64, 48)

    def marks(picture):
        """A heatmap a joint that depends on the picture and on the joint."""
        small = picture[:, :1, ::4, ::4]
        return torch.cat([small * (j + 1) for j in range(17)], 1)

    mean = labels.both_ways(marks, x, COCO_17)
    left, right = COCO_17.names.index("left_wrist"), COCO_17.names.index("right_wrist")
    straight = marks(x)
    # column c of the mirrored crop shows column width − c, so a cell's corner meets a cell's corner
    torch.testing.assert_close(mean[:, left, :, 1:], (straight[:, left] + straight[:, right])[..., 1:] / 2)


def test_unseen_joints_are_not_counted():
    heatmaps = torch.zeros(1, 17, 16, 16)
    heatmaps[0, 3, 5, 7] = 0.9
    found = labels.joints(heatmaps)
    assert found[0, :, 2].tolist() == [float(j == 3) for j in range(17)]
    torch.testing.assert_close(found[0, 3, :2], torch.tensor([28.0, 20.0]), atol=0.5, rtol=0)


def test_an_edge_cuts_canvas_and_box_alike(coco):
    people = crops.read(*coco).store(1)
    augment = Augmenter(people, 256, 192, torch.Generator().manual_seed(2), rooms=True)
    box = torch.as_tensor(people.boxes)[torch.zeros(4000, dtype=torch.long)]
    left, seen = augment._cut(box)
    rows, columns = crops.CANVAS
    whole = (seen == torch.tensor([0.0, 0.0, columns, rows])).all(1)
    assert 1 - CUT_BY_THE_EDGE - 0.03 < float(whole.float().mean()) < 1 - CUT_BY_THE_EDGE + 0.03
    torch.testing.assert_close(left[whole], box[whole])
    corners = torch.cat([left[:, :2] - left[:, 2:] / 2, left[:, :2] + left[:, 2:] / 2], 1)
    assert (corners[:, :2] >= seen[:, :2] - 1e-3).all() and (corners[:, 2:] <= seen[:, 2:] + 1e-3).all()
    kept = (left[:, 2:] / box[:, 2:]).prod(1)[~whole]
    assert 0.39 < float(kept.min()) < 0.45 and 0.85 < float(kept.max()) < 0.91
    below = (seen[:, 3] < rows).sum() / (~whole).sum()
    assert below > 0.35, "tables hide what is below"
    canvas = np.full((*crops.CANVAS, 3), 9, np.uint8)
    black = cut(canvas, (0, 0, columns, 150.2))
    assert (black[:150] == 9).all() and (black[150:] == 0).all()


def test_rooms_change_most_crops_and_the_same_seed_changes_them_alike(coco):
    people = crops.read(*coco).store(1)
    plain = [people.load(i)[:256, :192] for i in range(6)] * 10
    before = [p.copy() for p in plain]
    out, again = (rooms.disturb(plain, np.random.default_rng(3)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(out, again, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(plain, before, strict=True)), "the crops given stay as they are"
    changed = sum(not np.array_equal(a, b) for a, b in zip(out, plain, strict=True))
    assert 30 < changed < 58 and all(o.shape == (256, 192, 3) and o.dtype == np.uint8 for o in out)


def test_each_disturbance_does_what_it_is_named_for():
    random = np.random.default_rng(1)
    crop = random.integers(0, 256, (256, 192, 3), np.uint8)
    for change in (rooms.far, rooms.moved):
        assert change(crop, random).std() < 0.8 * crop.std(), change.__name__
    assert np.mean([rooms.darkened(np.full_like(crop, 120), random).mean() for _ in range(20)]) < 100
    smooth = np.tile(np.arange(192, dtype=np.uint8)[None, :, None], (256, 1, 3))
    assert 0 < np.abs(rooms.compressed(smooth, random).astype(int) - smooth).mean() < 12
    for beside in (True, False):
        pasted = np.zeros_like(crop)
        rooms.paste(pasted, np.full_like(crop, 200), random, beside)
        assert 0.005 < (pasted > 0).mean() < 0.6


def test_a_feed_for_rooms_is_the_same_for_the_same_seed(coco):
    people = crops.read(*coco).store(1)
    first, again = (Feeder(Augmenter(people, 64, 64, torch.Generator().manual_seed(1), True), 8, 5).make() for _ in range(2))
    np.testing.assert_array_equal(first.pictures, again.pictures)
    assert first.maps.seen.shape == (8, 4)
