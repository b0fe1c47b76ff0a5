"""A task is one file and one line of a table; the wiring of a network is written once; the package has all its files."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from posed_models.cli import main
from posed_models.data import crops, decode
from posed_models.errors import PosedModelsError
from posed_models.nets import importing
from posed_models.nets.lite_hrnet import enliven
from posed_models.tasks import TASKS, build
from posed_models.tasks.pose import KeypointHead, Pose
from posed_models.training.native.network import NativeNetwork
from posed_models.training.native.record import Recording
from posed_models.training.native.trainer import NativeTrainer
from posed_models.training.trainer import Settings

PACKAGE = Path(__file__).parents[1] / "posed_models"


class Spots(Pose):
    """A task that nobody has heard of."""

    name, says, counts, usual = "spots", "spots of light", "spots", 3
    head_name, last = "spot_head", "spot_head.final_layer"
    output, card_key, card_says = "spots", "spots", "one map a spot"

    def names(self, outputs):
        return tuple(f"spot_{i}" for i in range(outputs))


@pytest.fixture
def spots(monkeypatch):
    task = Spots()
    monkeypatch.setitem(TASKS, task.name, task)
    return task


def test_a_new_task_is_exported_with_its_card_by_one_line_of_the_table(spots, tmp_path):
    out = tmp_path / "s.onnx"
    assert main(["export", str(out), "--task", "spots", "--spots", "2", "--arch", "naive18", "--size", "64x64"]) == 0
    made = tomllib.loads(out.with_suffix(".toml").read_text())
    assert made["output"] == {"spots": ["spot_0", "spot_1"]} and len(made["golden"]["peaks"]) == 2
    assert "one map a spot" in out.with_suffix(".toml").read_text()


def test_a_new_task_is_trained_and_its_checkpoint_recognised(spots, coco, tmp_path):
    args = ["--data", str(coco[0]), "--images", str(coco[1]), "--arch", "naive18", "--size", "64x64", "--device", "cpu"]
    run = [
        "train",
        *args,
        "--task",
        "spots",
        "--steps",
        "1",
        "--batch",
        "2",
        "--hold-out",
        "0.4",
        "--quiet",
        "--out",
        str(tmp_path),
    ]
    assert main(run) == 0
    found = importing.load(tmp_path / "last.pt")
    assert found.task is spots and found.outputs == 17


class TwoStepHead(KeypointHead):
    """Wired otherwise than any head here: what it adds is written in `forward` and nowhere else."""

    def __init__(self, cin, joints):
        super().__init__(cin, joints)
        self.more = torch.nn.Conv2d(cin, cin, 1)

    def forward(self, xs):
        return self.final_layer(F.relu(self.more(xs[0])) + xs[0])


def test_the_cpp_computes_whatever_forward_says(monkeypatch):
    monkeypatch.setattr(Pose, "heads", lambda _self, channels, outputs: [lambda: TwoStepHead(channels[0], outputs)])
    torch.manual_seed(0)
    net = build("naive18", "pose", 5)
    enliven(net, 64, 64)
    x = torch.randn(2, 3, 64, 64)
    want = net.eval()(x).detach().permute(0, 2, 3, 1).numpy()
    got = NativeNetwork(net, 64, 64, threads=1).run(x.permute(0, 2, 3, 1).contiguous().numpy())
    np.testing.assert_allclose(got, want, atol=1e-3 * np.abs(want).max())


def test_tracing_leaves_the_network_as_it_was_and_what_has_no_operator_is_named(monkeypatch):
    net = build("naive18").train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    Recording(net, 64, 64)
    assert net.training and all(m.training for m in net.modules())
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    monkeypatch.setattr(KeypointHead, "forward", lambda self, xs: self.final_layer(torch.tanh(xs[0])))
    with pytest.raises(PosedModelsError, match="no operator for tanh: leave it away"):
        Recording(net, 64, 64)


def test_weights_lie_where_older_runs_left_them():
    """resume.pt of a native run is one flat vector: the stem's first half stood before its second."""
    net = build("lite18")
    names = {id(m): name for name, m in net.named_modules()}
    layers = [names[id(layer.conv)] for layer in Recording(net, 64, 64).layers]
    stem = ["conv1", "branch1.0", "branch1.1", "expand_conv", "depthwise_conv", "linear_conv"]
    assert layers[:6] == [f"backbone.stem.{name}.conv" for name in stem]
    block = "backbone.stage0.0.layers.0."
    weighting = ["cross_resolution_weighting.conv1", "cross_resolution_weighting.conv2"]
    weighting += ["depthwise_convs.0", "spatial_weighting.0.conv1", "spatial_weighting.0.conv2"]
    at = layers.index(f"{block}{weighting[0]}.conv")
    assert layers[at : at + 5] == [f"{block}{name}.conv" for name in weighting]
    assert layers[-1] == "keypoint_head.final_layer" and len(layers) == len(set(layers))


def test_a_task_that_the_cpp_cannot_train_is_refused(spots, coco, tmp_path, monkeypatch):
    monkeypatch.setattr(spots, "native", False, raising=False)
    with pytest.raises(PosedModelsError, match="leave it away for --task spots"):
        NativeTrainer(Settings(task="spots", steps=1), crops.read(*coco), None, None, tmp_path)


def test_an_installed_package_has_every_room_and_every_source():
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["setuptools"]
    rooms = {".".join(p.parent.relative_to(PACKAGE.parent).parts): p.parent for p in PACKAGE.rglob("__init__.py")}
    assert set(settings["packages"]) == set(rooms)
    assert {p.parent for p in PACKAGE.rglob("*.py")} == set(rooms.values())
    given = {file for room, kinds in settings["package-data"].items() for kind in kinds for file in rooms[room].glob(kind)}
    assert given == {f for f in PACKAGE.rglob("*") if f.suffix in (".cpp", ".h")}


def test_a_joint_counts_as_seen_from_the_same_score_as_in_posed() -> None:
    skeleton = (Path(__file__).parents[2] / "src" / "skeleton.rs").read_text()
    assert f"pub const DEFAULT: Self = Self({decode.VISIBLE});" in skeleton
