"""Training repeats itself, goes on where it stopped, and learns."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from posed_models.cli import main
from posed_models.data import crops
from posed_models.data.augment import Augmenter, plain, targets
from posed_models.data.decode import crop, crop_matrix, dark
from posed_models.errors import PosedModelsError
from posed_models.nets.blocks import fold_bn
from posed_models.tasks import build
from posed_models.tasks.pose import POSE
from posed_models.training import curve
from posed_models.training.optimiser import orthogonal
from posed_models.training.trainer import Settings, Trainer

SMALL = {"height": 64, "width": 64, "batch": 4}


def trainer(coco, out, steps=6, arch="naive18", teacher=None, **more):
    people = crops.read(*coco).store(1)
    return Trainer(Settings(arch=arch, steps=steps, **(SMALL | more)), people, None, teacher, out)


def losses(t, n):
    return [t.step((t.done) / 6)["loss"] for _ in range(n)]


def test_the_same_seed_gives_the_same_losses(coco, tmp_path):
    first, again = (losses(trainer(coco, tmp_path, seed=3), 3) for _ in range(2))
    assert first == again
    assert first != losses(trainer(coco, tmp_path, seed=4), 3)


@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_a_resumed_run_goes_on_as_if_never_stopped(optimiser, coco, tmp_path):
    whole = losses(trainer(coco, tmp_path / "a", optimiser=optimiser), 6)
    stopped = trainer(coco, tmp_path / "b", optimiser=optimiser)
    begin = losses(stopped, 3)
    stopped.save()
    other = trainer(coco, tmp_path / "b", seed=99, optimiser=optimiser)
    other.resume(tmp_path / "b" / "resume.pt")
    assert begin + losses(other, 3) == whole
    if optimiser == "muon":
        return
    with pytest.raises(PosedModelsError, match="nothing to resume"):
        other.resume(tmp_path / "c" / "resume.pt")
    with pytest.raises(PosedModelsError, match="is of naive18, not lite18"):
        trainer(coco, tmp_path, arch="lite18").resume(tmp_path / "b" / "resume.pt")
    with pytest.raises(PosedModelsError, match="is of adamw, not muon: correct --optimiser"):
        trainer(coco, tmp_path, optimiser="muon").resume(tmp_path / "b" / "resume.pt")


def test_muon_steps_along_the_nearest_orthogonal_matrix():
    g = torch.Generator().manual_seed(0)
    for shape in ((12, 30), (30, 12), (8, 8)):
        m = torch.randn(shape, generator=g)
        u, s, v = torch.linalg.svd(m, full_matrices=False)
        values = torch.diagonal(u.T @ orthogonal(m) @ v.T)
        assert ((values > 0.6) & (values < 1.3))[s > 0.02 * s.max()].all()
        assert torch.allclose(u * values @ v, orthogonal(m), atol=1e-4)


def test_two_processes_train_one_network(coco, tmp_path):
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch
from pathlib import Path
from test_train import trainer
t = trainer({[str(p) for p in coco]!r}, Path({str(tmp_path / "run")!r}), steps=2, batch=2)
drawn = float(t.augment.draw(2).x.sum())
t.run(quiet=True)
weights = float(sum(p.double().abs().sum() for p in t.net.parameters()))
Path({str(tmp_path)!r}, f"{{t.workers.rank}}.txt").write_text(f"{{drawn!r}} {{weights!r}} {{t.crops}}")
"""
    (tmp_path / "one.py").write_text(script)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", str(tmp_path / "one.py")]
    subprocess.run(command, check=True, timeout=170, capture_output=True)
    first, second = ((tmp_path / f"{rank}.txt").read_text().split() for rank in (0, 1))
    assert first[0] != second[0]  # each draws its own crops
    assert first[1:] == second[1:]  # and both have the same weights
    assert first[2] == "8"
    alone = trainer(coco, tmp_path / "alone", batch=2)
    alone.run(quiet=True)
    assert float(sum(p.double().abs().sum() for p in alone.net.parameters())) != float(first[1])
    assert (tmp_path / "run" / "last.pt").is_file()


def test_supervised_training_learns_one_picture(coco, tmp_path):
    t = trainer(coco, tmp_path, steps=40, lr=4e-3)
    got = [t.step(i / 40)["loss"] for i in range(40)]
    assert np.mean(got[-5:]) < 0.6 * np.mean(got[:5])


def test_a_student_starts_near_its_teacher_and_follows_it(coco, tmp_path):
    torch.manual_seed(1)
    teacher = build("naive18").eval()
    for p in teacher.parameters():
        p.requires_grad_(False)
    folded = fold_bn(teacher)
    t = trainer(coco, tmp_path, teacher=folded, batch=8)
    # the head, which has no batch norm, is copied apart
    assert t.begin_with(t.teacher) == sum(isinstance(m, torch.nn.Conv2d) for m in teacher.modules()) - 1
    x = t.augment.draw(8).x
    assert torch.allclose(t.net.eval()(x), folded(x), rtol=1e-3, atol=1e-3 * float(folded(x).detach().abs().max()))
    assert set(t.step(0.0)) == {"lr", "loss", "heatmap", "features"}


def test_the_command_trains_evaluates_logs_and_resumes(coco, tmp_path, capsys):
    args = ["train", "--data", str(coco[0]), "--images", str(coco[1]), "--arch", "naive18", "--size", "64x64", "--batch", "2",
            "--hold-out", "0.4", "--quiet", "--device", "cpu", "--out", str(tmp_path)]  # fmt: skip
    assert main([*args, "--steps", "2"]) == 0
    assert main([*args, "--steps", "4", "--resume"]) == 0
    out = capsys.readouterr().out
    assert "going on from step 2" in out and "4 steps, 8 crops in all" in out
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [r["step"] for r in rows] == ["2", "4"]
    assert all(0 <= float(r["held_out_pck"]) <= 100 for r in rows)
    assert {"best.pt", "last.pt", "resume.pt"} <= {p.name for p in tmp_path.iterdir()}
    assert curve.read(tmp_path / "log.csv")["loss"][-1][0] == 8


def test_what_ends_a_run_must_be_said(coco, tmp_path):
    with pytest.raises(PosedModelsError, match="--steps or --minutes"):
        trainer(coco, tmp_path, steps=None)


def test_persons_of_one_photo_are_never_on_both_sides(mpii):
    people = crops.read(*mpii)
    assert people.skeleton.names[6] == "pelvis" and people.keypoints[0, 15, 2] == 0
    twice = people.subset([0, 0, 1, 1])
    for share in (0.2, 0.5, 0.8):
        seen, held = twice.split(share)
        assert not set(seen.groups) & set(held.groups)
        assert len(seen) + len(held) == 4


def test_a_plain_crop_is_the_one_that_posed_cuts(coco):
    people = crops.read(*coco)
    batch, _ = plain(people, torch.tensor([0]), 128, 96)
    canvas = np.ascontiguousarray(people.load(0))
    cx, cy, w, h = people.boxes[0]
    matrix = crop_matrix(np.array([cx - w / 2, cy - h / 2, w, h]), 128, 96)
    want = crop(canvas, matrix, 128, 96).astype(float)
    got = (batch.x[0].permute(1, 2, 0).numpy() * [0.229, 0.224, 0.225] + [0.485, 0.456, 0.406]) * 255
    assert np.abs(got - want).mean() < 0.5
    back = (batch.joints[0, :, :2].numpy() @ matrix[:, :2].T) + matrix[:, 2]
    assert np.allclose(back, people.keypoints[0, :, :2], atol=0.01)


def test_a_mirrored_crop_swaps_left_and_right(coco):
    people = crops.read(*coco).store(1)
    joints = Augmenter(people, 256, 192, torch.Generator().manual_seed(5)).draw(64).joints
    left, right = joints[:, 5, 0], joints[:, 6, 0]
    seen = (joints[:, 5, 2] > 0) & (joints[:, 6, 2] > 0)
    upright = joints[:, 15, 1] > joints[:, 5, 1] + 60  # ankle well under the shoulder
    # the person is seen from behind: the left shoulder stays on the picture's left, mirrored or not
    assert (left < right)[seen & upright].all() and (seen & upright).sum() > 20


def test_target_and_dark_are_inverse():
    joints = torch.tensor([[[50.3, 61.7, 2.0], [20.0, 20.0, 0.0]]])
    heat, weight = targets(joints, 128, 96)
    x, y, score = dark(heat[0, 0].numpy())
    assert abs(4 * x - 50.3) < 0.3 and abs(4 * y - 61.7) < 0.3 and score > 0.8
    assert weight.tolist() == [[1.0, 0.0]]


def test_held_out_figures_know_the_truth(coco):
    people = crops.read(*coco)

    class Oracle(torch.nn.Module):
        def forward(self, x):
            which = torch.arange(len(x))
            return targets(plain(people, which, 256, 192)[0].joints, 256, 192)[0]

    figures = POSE.held_out(people, 256, 192).figures(Oracle(), Oracle())
    assert figures["held_out_pck"] == figures["held_out_ap"] == 100 and figures["held_out_error"] < 1e-6
