"""The native trainer computes what PyTorch does, learns, and goes on where it stopped."""

import copy

import numpy as np
import pytest
import torch
from conftest import REPOSITORY

from posed_models.cli import main
from posed_models.data import crops
from posed_models.data.augment import Augmenter, plain, targets
from posed_models.errors import PosedModelsError
from posed_models.int8 import quantise
from posed_models.int8.rounding import rounds_weight
from posed_models.nets import importing
from posed_models.nets.blocks import fold_bn
from posed_models.nets.lite_hrnet import enliven
from posed_models.tasks import build
from posed_models.tasks.pose import POSE
from posed_models.training.native import library
from posed_models.training.native.feed import Feeder
from posed_models.training.native.joints import Joints
from posed_models.training.native.memory import Places
from posed_models.training.native.network import NativeNetwork
from posed_models.training.native.trainer import NativeTrainer
from posed_models.training.optimiser import Optimiser
from posed_models.training.trainer import Settings

SIZE = (64, 96)
PORTABLE = tuple({"-O3": "-O1"}.get(f, f) for f in library.FLAGS if f != "-march=native")
MODELS = REPOSITORY / "models"
TRIES = 20
"""A value next to a step, or to the 0 of a ReLU, may fall to either side in another order of summing, and all behind it with it:
in some pictures, and in how many depends on the processor. So pictures are drawn until two are found in which none does."""


def lively(arch):
    """Random weights for 16 joints, and batch norms that do something."""
    torch.manual_seed(5)
    net = build(arch, "pose", 16)
    for m in net.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(m.weight, 0.5, 1.5)
            torch.nn.init.uniform_(m.bias, -0.5, 0.5)
    enliven(net, *SIZE)
    return net.eval()


def network(name):
    """Trained weights where there are some: random ones amplify the last bit a thousand times."""
    return lively(name) if name == "naive18" else importing.load(MODELS / name).net.eval()


def rows(x):
    """n x C x H x W for the native network."""
    return x.permute(0, 2, 3, 1).contiguous().numpy()


def case(joints, n=2):
    """Pictures for PyTorch and for the native network, joints, and the heatmaps wanted of them."""
    x = torch.randn(n, 3, *SIZE)
    wanted = torch.rand(n, joints, 4) * torch.tensor([SIZE[1] / 4, SIZE[0] / 4, 1.0, 1.0])
    heatmaps, _ = targets(torch.cat([wanted[..., :2] * 4, torch.ones(n, joints, 1)], 2), *SIZE)
    sigma = 2.0 * SIZE[0] / 256
    return x, rows(x), wanted.numpy(), heatmaps * wanted[..., 2, None, None], sigma


@pytest.mark.parametrize(
    "name, flags",
    [
        ("lite_hrnet_18.pt", library.FLAGS),
        ("wider_naive_lite_hrnet_18_f32.onnx", library.FLAGS),
        ("lite_hrnet_18.pt", PORTABLE),
        ("naive18", PORTABLE),
    ],
)
def test_heatmaps_loss_and_every_gradient_are_pytorchs(name, flags):
    torch.manual_seed(7)
    net = network(name).requires_grad_(True)
    native = NativeNetwork(net, *SIZE, threads=2, flags=flags)
    apart: list[float] = []
    while len(apart) < TRIES and sum(a < 1e-3 for a in apart) < 2:
        x, pictures, wanted, heatmaps, sigma = case(net.keypoint_head.final_layer.out_channels)
        got = net(x)
        np.testing.assert_allclose(native.run(pictures), rows(got.detach()), atol=2e-4 * float(got.detach().abs().max()))
        loss = (((got - heatmaps) ** 2) * torch.as_tensor(wanted)[..., 3, None, None]).sum() * 0.01
        net.zero_grad()
        loss.backward()
        assert native.learn(pictures, wanted, sigma, 0.01) == pytest.approx(float(loss), rel=1e-4)
        apart.append(difference(native, net))
    assert sorted(apart)[1] < 1e-3 and max(apart) < 0.5, apart


def difference(native, net):
    """The largest difference of any gradient from PyTorch's, relative to it."""
    w, gamma, beta = native.weights.gradients(native.gradients)
    pairs = []
    for layer in native.weights.layers:
        conv, there = layer.conv, slice(layer.bias, layer.bias + layer.conv.out_channels)
        weight = conv.parametrizations.weight.original if rounds_weight(conv) else conv.weight
        pairs.append((w[layer.weight : layer.weight + weight.numel()].view(weight.shape), weight))
        if layer.bn is not None:
            pairs += [(gamma[there], layer.bn.weight), (beta[there], layer.bn.bias)]
        else:
            pairs.append((beta[there], conv.bias))
    assert len(pairs) == len(list(net.parameters()))
    return float(torch.stack([(mine - theirs.grad).norm() / (theirs.grad.norm() + 1e-6) for mine, theirs in pairs]).max())


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("name", "flags"), [("lite_hrnet_18.pt", library.FLAGS), ("wider_naive_lite_hrnet_18_f32.onnx", PORTABLE)]
)
def test_a_quantised_networks_heatmaps_and_gradients_are_pytorchs(name, flags, coco):
    torch.manual_seed(3)
    augment = Augmenter(crops.read(*coco).store(1), *SIZE, torch.Generator().manual_seed(0))
    q = quantise.calibrate(importing.folded(importing.load(MODELS / name)), augment, lambda _: None)
    native = NativeNetwork(q, *SIZE, threads=2, flags=flags)
    alike: list[torch.Tensor] = []
    for _ in range(TRIES):
        x = augment.draw(12).x
        with torch.no_grad():
            want = q(x)
        apart = (torch.from_numpy(native.run(rows(x))).permute(0, 3, 1, 2) - want).square().mean((1, 2, 3)) / want.var()
        assert apart.max() < 1, apart
        alike.extend(x[apart < 1e-9])
        if len(alike) >= 2:
            break
    assert len(alike) >= 2, f"only {len(alike)} of {12 * TRIES} pictures alike"
    x = torch.stack(alike[:2])
    wanted = torch.rand_like(want[:2]) * 0.1
    loss = ((q(x) - wanted) ** 2).sum() * 0.01
    loss.backward()
    assert native.follow(rows(x), rows(wanted), 0.01) == pytest.approx(float(loss), rel=1e-5)
    assert difference(native, q) < 1e-3


def test_a_step_is_that_of_the_other_optimiser():
    net = lively("naive18")
    _, pictures, wanted, _, sigma = case(16)
    native, other = NativeNetwork(net, *SIZE, threads=1, weight_decay=1e-3), copy.deepcopy(net)
    optimiser = Optimiser("muon", other, 1e-3, 1e-3)
    for _ in range(2):
        native.learn(pictures, wanted, sigma, 0.01)
        w, gamma, beta = (g.clone() for g in native.weights.gradients(native.gradients))
        twins = dict(zip(net.modules(), other.modules(), strict=True))
        for layer in native.weights.layers:
            conv, there = twins[layer.conv], slice(layer.bias, layer.bias + layer.conv.out_channels)
            conv.weight.grad = w[layer.weight : layer.weight + conv.weight.numel()].view(conv.weight.shape)
            if layer.bn is None:
                conv.bias.grad = beta[there]
            else:
                twins[layer.bn].weight.grad, twins[layer.bn].bias.grad = gamma[there], beta[there]
        norm = torch.nn.utils.clip_grad_norm_(list(other.parameters()), 0.1)
        optimiser.step(1e-3)
        assert native.weights.step(native.gradients, 1e-3, 0.1) == pytest.approx(float(norm), rel=1e-4)
    native.weights.average(0.0)
    native.write(net)
    for mine, theirs in zip(net.state_dict().values(), other.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-5)


def joints_17():
    torch.manual_seed(6)
    net = build("naive18")
    enliven(net, *SIZE)
    return net


def trainer(coco, out, teacher=None, seed=0, threads=2, **more):
    people = crops.read(*coco).store(1)
    settings = Settings(arch="naive18", steps=1000, height=64, width=64, batch=4, lr=1e-3, seed=seed, **more)
    return NativeTrainer(settings, people, POSE.held_out(people, 64, 64), teacher, out, threads)


def test_it_learns_the_labels_and_its_checkpoint_says_so(coco, tmp_path):
    t = trainer(coco, tmp_path)
    losses = [t.step(0.3)["loss"] for _ in range(40)]
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:10])
    figures = t._evaluate()
    saved = importing.load(tmp_path / "last.pt").net.eval()
    assert t.held_out.figures(saved, None) == pytest.approx(figures, abs=1.0)
    batch, _ = plain(t.augment.crops, torch.arange(2), 64, 64)
    torch.testing.assert_close(t.native.forward_averaged(batch.x), saved(batch.x), rtol=0, atol=1e-3)


def test_batch_norms_without_statistics_get_some_and_the_teachers_stay(coco, tmp_path):
    t = trainer(coco, tmp_path, fold_bn(joints_17()))
    t.begin_with(t.teacher)
    kept = {k: v.clone() for k, v in t.net.state_dict().items() if "running" in k}
    new = [k for k, v in kept.items() if k.endswith("running_var") and (v == 1).all()]
    assert not new, "every convolution has a twin"
    bn = t.net.backbone.stem.conv1.bn
    bn.reset_running_stats()
    assert t.native is t.native
    now = t.net.state_dict()
    changed = {k for k, v in kept.items() if not torch.equal(now[k], v)}
    assert changed == {"backbone.stem.conv1.bn.running_mean", "backbone.stem.conv1.bn.running_var"}
    torch.testing.assert_close(bn.running_var, kept["backbone.stem.conv1.bn.running_var"], rtol=0.9, atol=0.05)
    assert not (bn.running_var == 1).any()
    with pytest.raises(AssertionError):
        torch.testing.assert_close(bn.running_mean, torch.zeros_like(bn.running_mean))


def test_a_resumed_run_has_the_same_weights_and_joints(coco, tmp_path):
    teacher = fold_bn(joints_17())
    one = {"threads": 1, "label_weight": 0.5}  # sums in one order
    t = trainer(coco, tmp_path, teacher, **one)
    for _ in range(3):
        t.step(0.5)
    t._evaluate()
    again = trainer(coco, tmp_path, teacher, seed=7, **one)
    again.resume(tmp_path / "resume.pt")
    assert again.done == 3 and again.crops == 12
    assert torch.equal(again.lessons.known.nan_to_num(-1), t.lessons.known.nan_to_num(-1))
    feed = t._feeder.next()
    wanted = np.random.default_rng(0).random((4, 17, 4), np.float32)
    for a in (t, again):
        a.native.learn(feed.pictures, wanted, 2.0, 0.01)
        a.native.weights.step(a.native.gradients, 1e-3, 5.0)
    torch.testing.assert_close(again.native.weights.w, t.native.weights.w, rtol=0, atol=1e-6)


def test_joints_are_the_teachers_where_it_agrees_and_the_labels_where_not(coco):
    people = crops.read(*coco).store(1)
    teacher = NativeNetwork(fold_bn(joints_17()), 64, 64, threads=1)
    augment = Augmenter(people, 64, 64, torch.Generator())
    which = torch.tensor([0, 3, 0])
    alone, both = (Joints(augment, teacher, weight).of(which) for weight in (0.0, 0.25))
    assert torch.equal(alone[0], alone[2])  # asked once
    assert (alone[..., 3] == 1).all() and not alone.isnan().any()
    labels = torch.as_tensor(people.keypoints)[which]
    far = both[..., 3] == 0.25
    assert far.any(), "random weights agree with no label"
    torch.testing.assert_close(both[far][:, :2], labels[far][:, :2])
    near = ~far & (labels[..., 2] > 0)
    torch.testing.assert_close(both[near][:, :2], 0.6 * alone[near][:, :2] + 0.4 * labels[near][:, :2])
    assert (both[far][:, 2] >= 0.6).all()


def test_a_feed_is_the_same_for_the_same_seed_and_a_damaged_crop_is_reported(coco, tmp_path):
    first, again = (trainer(coco, tmp_path)._feeder.make().pictures for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (4, 64, 64, 3) and -3 < first.min() < first.max() < 3
    t = trainer(coco, tmp_path)

    def damaged(_):
        raise PosedModelsError("crop 3 is damaged")

    t.augment.crops.canvases = damaged
    with pytest.raises(PosedModelsError, match="crop 3 is damaged"):
        Feeder(t.augment, 4, 0).next()


def test_gradients_share_room_without_overlapping():
    places = Places()
    a, b, c = places.take(32), places.take(64), places.take(32)
    places.give(a, 32)
    assert places.take(16) == a
    places.give(b, 64)
    assert places.take(80) == a + 16  # the rest of a, joined with b
    assert c == 96 and places.size == 128


def test_what_it_cannot_do_is_said(coco, tmp_path, monkeypatch, capsys):
    with pytest.raises(PosedModelsError, match="leave it away for --task segmentation"):
        trainer(coco, tmp_path, task="segmentation")
    monkeypatch.setenv("CXX", "false")
    assert main(["train", "--native", "--data", str(coco[0]), "--images", str(coco[1]), "--arch", "naive18", "--size", "64x64",
                 "--hold-out", "0", "--steps", "1", "--batch", "2", "--out", str(tmp_path / "run")]) == 1  # fmt: skip
    assert "could not compile" in capsys.readouterr().err
