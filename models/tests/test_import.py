"""Weights of others become our ONNX, equal to the source to 1e-5."""

import numpy as np
import onnx
import pytest
import torch
from official import Official, relative, state_of

from posed_models.check import equal
from posed_models.check.session import Session
from posed_models.cli import main
from posed_models.errors import PosedModelsError
from posed_models.nets import checkpoint
from posed_models.nets.blocks import fold_bn
from posed_models.nets.export import export_float
from posed_models.tasks import build


@pytest.mark.parametrize(
    ("arch", "head", "outputs"),
    [("lite18", "keypoint", 17), ("lite30", "keypoint", 16), ("naive18", "keypoint", 17), ("wider18", "keypoint", 17),
     ("lite18", "concat", 19), ("lite18", "fine", 2)],
)  # fmt: skip
def test_an_official_checkpoint_gives_the_official_output(arch, head, outputs):
    state, official = state_of(arch, head, outputs)
    assert set(state) == set(build(arch, "pose" if head == "keypoint" else "segmentation", outputs).state_dict())
    got = checkpoint.from_state({"state_dict": state, "meta": {}})
    assert (got.arch, got.outputs) == (arch, outputs)
    x = torch.randn(1, 3, 96, 64, generator=torch.Generator().manual_seed(1))
    want = official(x).numpy()
    assert want.std() > 0.3
    assert relative(got.net(x).detach().numpy(), want) < 1e-5
    assert relative(fold_bn(got.net)(x).detach().numpy(), want) < 1e-5
    official.s = {k: v.double() for k, v in state.items()}
    exact = checkpoint.from_state(state).net.double()(x.double()).detach().numpy()
    assert relative(exact, official(x.double()).numpy()) < 1e-10


def test_the_alias_in_the_fuse_loop_matters():
    state, official = state_of("naive18")
    x = torch.randn(1, 3, 64, 64)
    want = official(x).numpy()

    class Unaliased(Official):
        def module(self, name, xs):
            out = list(xs)
            for b, x in enumerate(out):
                for block in range(2):
                    q = f"{name}layers.{b}.{block}.branch2."
                    half = x.shape[1] // 2
                    w = self.cm(q + "1", self.cm(q + "0", x[:, half:], torch.relu))
                    x = self.shuffle(torch.cat((x[:, :half], self.cm(q + "2", w, torch.relu)), 1))
                out[b] = x
            n = range(len(out))
            return [torch.relu(sum(out[j] if i == j else self.path(name, i, j, out[j]) for j in n)) for i in n]

    assert relative(Unaliased(state, official.modules)(x).numpy(), want) > 0.1


def renamed(state, kind):
    if kind == "mmpose 1.x":
        out = {k.replace("keypoint_head.", "head."): v for k, v in state.items()}
        out |= {"data_preprocessor.mean": torch.zeros(3), "data_preprocessor.std": torch.ones(3)}
        return {"state_dict": out, "message_hub": {}, "meta": {"epoch": 210}}
    if kind == "data parallel":
        return {"state_dict": {"module." + k: v for k, v in state.items()}}
    if kind == "old torch":
        return {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    return {"model": {k: v.half() if v.is_floating_point() else v for k, v in state.items()}, "arch": "naive18", "images": 5}


@pytest.mark.parametrize("kind", ["mmpose 1.x", "data parallel", "old torch", "ours"])
def test_every_dialect_of_names_is_understood(kind):
    state, official = state_of("naive18")
    official.s = {k: v.half().float() if kind == "ours" and v.is_floating_point() else v for k, v in state.items()}
    x = torch.randn(1, 3, 64, 64)
    got = checkpoint.from_state(renamed(state, kind)).net(x).detach().numpy()
    assert relative(got, official(x).numpy()) < 1e-5


def test_one_command_makes_onnx_and_card(tmp_path, capsys):
    state, official = state_of("lite18", outputs=16)
    torch.save({"state_dict": state, "meta": {"epoch": 210}}, tmp_path / "mpii.pth")
    out = tmp_path / "mpii.onnx"
    assert main(["import", str(tmp_path / "mpii.pth"), str(out), "--size", "64x96", "--licence", "Apache-2.0"]) == 0
    assert "differs from its source by" in capsys.readouterr().out
    x = np.random.default_rng(2).standard_normal((1, 3, 96, 64)).astype(np.float32)
    assert relative(Session(out).run(x), official(torch.from_numpy(x)).numpy()) < 1e-5
    card = (tmp_path / "mpii.toml").read_text()
    assert '"upper_neck"' in card and "width = 64" in card and 'licence = "Apache-2.0"' in card


def as_paddle_exports(model):
    """Another order of nodes, other names, biases as separate additions: what paddle2onnx does to a network."""
    g = model.graph
    weights = {i.name: onnx.numpy_helper.to_array(i) for i in g.initializer}
    nodes, more = [], []
    for n in g.node:
        if n.op_type != "Conv":
            nodes.append(n)
            continue
        bias, out = n.input[2], n.output[0]
        more.append(onnx.numpy_helper.from_array(weights[bias].reshape(1, -1, 1, 1), bias + "_4d"))
        plain = onnx.helper.make_node("Conv", list(n.input[:2]), [out + ".conv"])
        plain.attribute.extend(n.attribute)
        nodes += [plain, onnx.helper.make_node("Add", [out + ".conv", bias + "_4d"], [out])]
    ready, order, rest = {i.name for i in g.input} | set(weights) | {m.name for m in more}, [], list(nodes)
    while rest:  # last things first, as far as their inputs are there
        node = next(n for n in reversed(rest) if all(i in ready or not i for i in n.input))
        order.append(node)
        rest.remove(node)
        ready |= set(node.output)
    new = {o: f"conv2d_{i}.tmp_0" for i, n in enumerate(order) for o in n.output if o != g.output[0].name}
    for n in order:
        n.name = ""
        n.input[:] = [new.get(i, i) for i in n.input]
        n.output[:] = [new.get(o, o) for o in n.output]
    del g.node[:]
    g.node.extend(order)
    g.initializer.extend(more)
    del g.value_info[:]
    return model


@pytest.fixture(scope="module")
def wider(tmp_path_factory):
    path = tmp_path_factory.mktemp("wider") / "own.onnx"
    export_float(fold_bn(checkpoint.from_state(state_of("wider18")[0]).net), path, 96, 64)
    return path


def test_a_tinypose_export_is_read_back_whatever_its_order(wider, tmp_path):
    model = as_paddle_exports(onnx.load(wider))
    onnx.checker.check_model(model)
    onnx.save(model, tmp_path / "tinypose.onnx")
    assert sum(n.op_type == "Conv" for n in model.graph.node) == 269
    imported, error = equal.import_file(tmp_path / "tinypose.onnx", tmp_path / "out.onnx", 96, 64)
    assert (imported.arch, imported.task.name, imported.outputs) == ("wider18", "pose", 17)
    assert error < 1e-5


def test_another_network_with_the_same_convolutions_is_refused(wider, tmp_path):
    model = onnx.load(wider)
    relu = next(n for n in model.graph.node if n.op_type == "Relu")
    relu.op_type = "Sigmoid"
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(PosedModelsError, match="another network with the same convolutions"):
        equal.import_file(tmp_path / "a.onnx", tmp_path / "b.onnx", 96, 64)
    assert not (tmp_path / "b.onnx").exists()


def test_what_is_no_checkpoint_is_refused_with_a_reason(tmp_path):
    state, _ = state_of("naive18")
    with pytest.raises(PosedModelsError, match=r"no Lite-HRNet checkpoint. It begins with layer1.weight"):
        checkpoint.from_state({"layer1.weight": torch.zeros(1)})
    cut = {k: v for k, v in state.items() if "stage1.3.fuse_layers.0.1" not in k}
    with pytest.raises(PosedModelsError, match=r"lacks 5 tensors of naive18, first backbone.stage1.3.fuse_layers.0.1.0.weight"):
        checkpoint.from_state(cut)
    (tmp_path / "x.pth").write_bytes(b"not a checkpoint")
    with pytest.raises(PosedModelsError, match=r"x\.pth: cannot be read.*--trust"):
        checkpoint.load(tmp_path / "x.pth")
    with pytest.raises(PosedModelsError, match="no such file"):
        checkpoint.load(tmp_path / "y.pth")
