"""int8 networks keep the rounding points that posed's engine recognises."""

import numpy as np
import onnx
import pytest
import torch
from conftest import PHOTOS, REPOSITORY

from posed_models import commands
from posed_models.check.session import Session
from posed_models.cli import main
from posed_models.data import crops
from posed_models.data.augment import Augmenter
from posed_models.int8 import quantise
from posed_models.int8.dead import silence
from posed_models.int8.equalise import QUIET, equalise
from posed_models.int8.rounding import Quantised, Rounder, reach, unrounded
from posed_models.nets.blocks import ShuffleUnit, fold_bn
from posed_models.nets.export import export_int8
from posed_models.nets.lite_hrnet import enliven
from posed_models.tasks import build
from posed_models.training.log import RunLog
from posed_models.training.native.tuner import NativeTuner


@pytest.fixture(scope="module")
def augment():
    return Augmenter(crops.read(PHOTOS).store(1), 64, 64, torch.Generator().manual_seed(0))


def test_a_segmentation_head_rounds_once_after_the_concat():
    points = Quantised(build("naive18", "segmentation", 19)).points
    assert {p for p in points if p.startswith("decode_head")} == {"decode_head.cat", "decode_head.convs.0.out"}


def settled(net, augment):
    """A network with random weights, its batch norms fitted to the pictures, folded."""
    net.train()
    with torch.no_grad():
        for _ in range(3):
            for m in net.modules():
                if isinstance(m, torch.nn.BatchNorm2d):
                    m.momentum = 0.5
            net(augment.draw(8).x)
    return fold_bn(net)


def operations(model):
    """Every operator with its attributes, in order; sizes of reshapes and constants apart."""
    return [
        (n.op_type, sorted((a.name, str(onnx.helper.get_attribute_value(a))) for a in n.attribute if a.type != 4))
        for n in model.graph.node
    ]


@pytest.mark.parametrize(("arch", "model"), [("lite18", "lite_hrnet_18"), ("wider18", "wider_naive_lite_hrnet_18")])
def test_the_exported_graph_is_that_of_the_published_model(arch, model, augment, tmp_path):
    torch.manual_seed(0)
    q = Quantised(settled(build(arch), augment))
    q(augment.draw(2).x)
    for rounder in q.points.values():
        rounder.set_range(torch.tensor([-1.0]), torch.tensor([1.0]))
        if rounder.channels:
            n = rounder.seen[0].shape[0]
            rounder.set_range(-torch.ones(n), torch.ones(n))
        rounder.mode = "round"
    export_int8(q, tmp_path / "q.onnx", 256, 192)
    ours, published = onnx.load(tmp_path / "q.onnx"), onnx.load(REPOSITORY / "models" / f"{model}.onnx")
    assert operations(ours) == operations(published)
    int8 = {i.name for i in ours.graph.initializer if i.data_type == onnx.TensorProto.INT8}
    weights = {n.output[0] for n in ours.graph.node if n.op_type == "DequantizeLinear" and n.input[0] in int8}
    assert all(n.input[1] in weights for n in ours.graph.node if n.op_type == "Conv")


@pytest.mark.usefixtures("few")
def test_calibrating_and_fine_tuning_from_the_command_line(tmp_path, capsys):
    torch.manual_seed(0)
    net = build("naive18")
    torch.save({"model": net.state_dict()}, tmp_path / "float.pt")
    args = ["quantise", str(tmp_path / "float.pt"), "--data", str(PHOTOS), "--hold-out", "0.4", "--size", "64x64"]
    args += ["--steps", "2", "--batch", "2", "--native", "--device", "cpu"]
    assert main([*args, "--out", str(tmp_path / "n")]) == 0
    out = capsys.readouterr().out
    assert "fine-tuned" in out and "own dB" in out
    for name, precision in (("n", "int8"), ("n_f32", "float32")):
        assert f'precision = "{precision}"' in (tmp_path / f"{name}.toml").read_text()
        assert Session(tmp_path / f"{name}.onnx").run(np.zeros((1, 3, 64, 64))).shape == (1, 17, 16, 16)
    worst = (tmp_path / "n.noise.txt").read_text().splitlines()
    values = [float(line.split()[0]) for line in worst[1:]]
    assert values == sorted(values) and len(values) > 300


@pytest.mark.usefixtures("few")
def test_fine_tuning_by_pytorch_says_how_much_it_keeps(coco, tmp_path, capsys, monkeypatch):
    for name in ("export_int8", "export_float"):
        monkeypatch.setattr(commands.quantise, name, lambda *_: None)
    monkeypatch.setattr(commands.quantise.card, "write", lambda *_: None)
    torch.save({"model": build("naive18").state_dict()}, tmp_path / "float.pt")
    args = ["quantise", str(tmp_path / "float.pt"), "--data", str(coco[0]), "--images", str(coco[1]), "--hold-out", "0.5"]
    args += ["--size", "64x64", "--device", "cpu", "--steps", "2", "--batch", "2", "--out", str(tmp_path / "n")]
    assert main(args) == 0
    tuned = capsys.readouterr().out.split("fine-tuned, 5 held out:\n  with labels: ")[1].splitlines()[0]
    assert "heatmap error" in tuned and "PCK@0.2" in tuned and "AP" in tuned
    torch.save({"model": build("naive18", outputs=16).state_dict()}, tmp_path / "other.pt")
    assert main([*args, "--native", "--teacher", str(tmp_path / "other.pt")]) == 1
    assert "network of 17 joints" in capsys.readouterr().err


def test_equalising_changes_ranges_and_nothing_else(augment):
    torch.manual_seed(0)
    net = settled(build("wider18"), augment)
    with torch.no_grad():
        net.backbone.stem.conv1.conv.weight[3] *= 50  # one channel far out of range
        net.backbone.stem.conv1.conv.bias[3] *= 50
        x = augment.draw(4).x
        before = net(x)
        top = net.backbone.stem.conv1(x).abs().amax((0, 2, 3))
        assert equalise(net, x) == 146
        after = net.backbone.stem.conv1(x).abs().amax((0, 2, 3))
        assert (net(x) - before).abs().max() < 1e-4 * before.abs().max()
    assert after.max() / after.median() < 0.3 * top.max() / top.median()


def test_the_best_clip_beats_the_whole_range():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(1, 1, 100, 100, generator=g)
    x[0, 0, 0, 0] = 60.0  # one value far outside
    rounder = Rounder()
    rounder(x)
    rounder.settle()
    body = x[x < 50]
    clipped = ((rounder(x)[x < 50] - body) ** 2).mean()
    rounder.set_range(x.amin().view(1), x.amax().view(1))
    whole = ((rounder(x)[x < 50] - body) ** 2).mean()
    assert clipped < whole
    assert rounder(torch.zeros(1, 1, 1, 1)).item() == 0.0


def test_corrected_biases_give_every_convolution_its_mean_back(augment):
    torch.manual_seed(0)
    net = settled(build("naive18"), augment)
    x = augment.draw(8).x
    q = Quantised(net).eval()
    with torch.no_grad():
        q(x)
        for rounder in q.points.values():
            rounder.settle()

        def means():
            seen = []
            hooks = [m.register_forward_hook(lambda _m, _i, o: seen.append(o.mean((0, 2, 3)))) for m in quantise.convolutions(q)]
            q(x)
            for h in hooks:
                h.remove()
            return torch.cat(seen)

        q.set_rounding(False)
        want, exact = means(), q(x)
        q.set_rounding(True)
        before, error = means(), quantise.relative_mse(q(x), exact)
        assert quantise.correct_biases(q, x) == 269
        # Not to the last bit: adding the bias in another order lets some values fall to the other side of a step.
        assert (means() - want).abs().mean() < 0.25 * (before - want).abs().mean()
        assert quantise.relative_mse(q(x), exact) < error


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("native", [False, True])
def test_fine_tuning_lowers_the_error_and_rounding_can_be_taken_away(native, augment, tmp_path):
    torch.manual_seed(0)
    net = settled(build("naive18"), augment)
    teacher = settled(build("naive18"), augment)
    teacher.load_state_dict(net.state_dict())
    q = quantise.calibrate(net, augment, lambda _: None)
    x = augment.draw(8).x
    with torch.no_grad():
        before = float(quantise.relative_mse(q(x), teacher(x)))
    log = RunLog(tmp_path, quiet=True)
    tuning = quantise.FineTuning(steps=12, batch=4, lr=2e-4)
    if native:
        NativeTuner(q, teacher, augment, threads=2).fine_tune(tuning, log)
    else:
        quantise.fine_tune(q, teacher, augment, tuning, log)
    with torch.no_grad():
        assert float(quantise.relative_mse(q(x), teacher(x))) < before
        report = {n.point: n for n in quantise.noise(q, x)}
        q.set_rounding(False)
        plain = q(x)
        q.set_rounding(True)
        assert torch.allclose(unrounded(q)(x), plain, atol=1e-6)
    assert len(report) == len(q.rounders) + 269 + 1
    gate = report["backbone.stem.conv1.out"]
    assert 10 < gate.own_db < 80 and gate.all_db <= gate.own_db + 3


@torch.no_grad()
def test_a_channel_quiet_while_equalising_is_hardly_enlarged():
    torch.manual_seed(0)
    net = build("naive18")
    enliven(net, 64, 64)
    net = fold_bn(net)
    first = next(m for m in net.modules() if isinstance(m, ShuffleUnit)).branch2[0].conv
    first.bias[3] = -1e3  # behind it stands a ReLU
    x = torch.randn(2, 3, 64, 64)
    before, old = net(x), first.weight.clone()
    equalise(net, x)
    assert torch.allclose(net(x), before, rtol=1e-3, atol=1e-3 * float(before.abs().max()))
    enlarged = (first.weight / old).flatten(1).median(1).values
    awake = torch.arange(len(enlarged)) != 3
    assert enlarged[3] < 2 * QUIET * enlarged[awake].median()


@pytest.mark.parametrize(
    "shape",
    [(20, 20, 1, 1), (7, 40, 1, 1), (4, 5, 1, 1), (6, 3, 3, 3), (8, 80, 1, 1), (16, 1, 3, 3), (9, 1, 5, 5), (3, 333, 1, 1)],
)
def test_products_that_kernels_sum_in_int16_fit(shape):
    torch.manual_seed(2)
    for w in (torch.randn(shape), torch.ones(shape), torch.rand(shape) ** 8):
        levels = (w / (reach(w) / 127)[:, None, None, None]).round().abs().int()
        assert levels.max() <= 127
        for rows in levels:
            if shape[1] == 1:
                assert all(int(row[:3].sum()) <= 255 for row in rows[0])
                continue
            taps_first = rows.permute(1, 2, 0).flatten().tolist()
            eights = [taps_first[i : i + 8] for i in range(0, len(taps_first), 8)]
            first = (len(eights) - 1) % 4 + 1  # src/engine/kernels/aarch64/neon/matrix.rs
            pieces = [eights[:first]] + [eights[i : i + 4] for i in range(first, len(eights), 4)]
            assert all(sum(eight[lane] for eight in piece if lane < len(eight)) <= 255 for piece in pieces for lane in range(8))


def test_a_single_large_weight_keeps_all_steps():
    w = torch.zeros(1, 40, 1, 1)
    w[0, 3], w[0, 4] = 2.0, -1.0
    assert float(reach(w)) == 2.0


def test_weights_out_of_scale_that_read_a_dead_channel_are_0():
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(4, 4, 3, padding=1, groups=4),
        torch.nn.ReLU(),
        torch.nn.Conv2d(4, 2, 1),
    )
    with torch.no_grad():
        for p in net.parameters():
            p.uniform_(0.1, 1.0)
        net[0].bias[0], net[0].bias[1] = -100.0, -100.0
        net[2].weight[0], net[2].weight[1], net[2].weight[2] = 68480.0, 2.0, 7.0
        net[2].bias[1] = -1.0  # its result is dead too, and read with a weight of usual size
    x = torch.rand(2, 3, 6, 6)
    before = net(x)
    assert silence(net, [x[:1], x[1:]]) == 1
    assert torch.equal(net(x), before)
    assert net[2].weight[0].abs().max() == 0 and (net[2].weight[1:3].amax((1, 2, 3)) == torch.tensor([2.0, 7.0])).all()
    assert (net[4].weight > 0).all()


def test_every_published_weight_fits_float16_with_room():
    """All of float networks; of int8 ones the scales: a dead channel's bias is int32 there."""
    for file in sorted((REPOSITORY / "models").glob("*.onnx")):
        for weight in onnx.load(file).graph.initializer:
            if weight.data_type == onnx.TensorProto.FLOAT and (file.stem.endswith("_f32") or not weight.name.endswith(".bias")):
                assert np.abs(onnx.numpy_helper.to_array(weight)).max(initial=0) < 1000, (file.name, weight.name)
