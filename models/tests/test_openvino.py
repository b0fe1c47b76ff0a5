"""OpenVINO's files become our ONNX. Its own converter writes them, its own runtime says what they should give."""

import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from official import relative, state_of

from posed_models.check.session import Session
from posed_models.cli import main
from posed_models.errors import PosedModelsError
from posed_models.nets import checkpoint, openvino_graph
from posed_models.nets.blocks import fold_bn
from posed_models.nets.export import export_float

openvino = pytest.importorskip("openvino")
pytest.importorskip("openvino.opset13")


def test_an_openvino_export_is_read_back(tmp_path, capsys):
    own, source, out = tmp_path / "own.onnx", tmp_path / "tinypose.xml", tmp_path / "out.onnx"
    export_float(fold_bn(checkpoint.from_state(state_of("wider18")[0]).net), own, 96, 64)
    openvino.save_model(openvino.convert_model(own), source)  # which stores the weights as float16
    assert main(["import", str(source), str(out), "--size", "64x96", "--licence", "Apache-2.0"]) == 0
    assert "Wider Naive Lite-HRNet-18, pose, 17 outputs; differs from its source by" in capsys.readouterr().out
    x = np.random.default_rng(3).standard_normal((2, 3, 96, 64)).astype(np.float32)
    want = openvino_graph.OpenVinoSession(source).run(x)
    assert relative(Session(out).run(x), want) < 1e-5
    assert relative(Session(own).run(x), want) > 1e-5
    assert 'source = "imported from tinypose.xml"' in out.with_suffix(".toml").read_text()


def convolution(x, outputs):
    """A 1x1 convolution of a value of three channels or more."""
    ops = openvino.opset13
    weight = np.random.default_rng(outputs).standard_normal((outputs, x.get_output_shape(0)[1], 1, 1), np.float32)
    return ops.convolution(x, ops.constant(weight), [1, 1], [0, 0], [0, 0], [1, 1])


def test_a_computed_size_is_no_data(tmp_path):
    ops = openvino.opset13
    image = ops.parameter([1, 3, 8, 8], np.float32)
    fine, coarse = convolution(image, 4), convolution(ops.relu(image), 5)
    size = ops.gather(ops.shape_of(fine), ops.constant(np.array([2, 3])), ops.constant(0))
    up = ops.interpolate(coarse, size, "nearest", "sizes", axes=ops.constant(np.array([2, 3])))
    openvino.save_model(openvino.Model([convolution(up, 6), fine], [image]), tmp_path / "sizes.xml")
    found = {len(c.weight): c for c in openvino_graph.read(tmp_path / "sizes.xml")}
    assert [len(openvino_graph.read(tmp_path / "sizes.xml")[i].weight) for i in found[6].reads] == [5]
    assert not found[4].feeds


def test_a_batch_norm_left_in_the_file_is_folded(tmp_path):
    random = np.random.default_rng(4)
    ops = openvino.opset13
    image = ops.parameter([1, 3, 8, 8], np.float32)
    weight = ops.constant(random.standard_normal((4, 3, 3, 3), np.float32))
    convolved = ops.convolution(image, weight, [2, 2], [1, 1], [1, 1], [1, 1])
    norm = [ops.constant(random.random(4, np.float32) + 0.5) for _ in range(4)]
    model = openvino.Model([ops.batch_norm_inference(convolved, *norm, epsilon=1e-3)], [image])
    openvino.save_model(model, tmp_path / "one.xml", compress_to_fp16=False)
    (conv,) = openvino_graph.read(tmp_path / "one.xml")
    x = random.standard_normal((1, 3, 8, 8)).astype(np.float32)
    got = F.conv2d(torch.from_numpy(x).double(), torch.from_numpy(conv.weight), torch.from_numpy(conv.bias), conv.stride, 1)
    assert relative(got.numpy(), openvino_graph.OpenVinoSession(tmp_path / "one.xml").run(x)) < 1e-5


def test_bad_files_are_refused_with_a_reason(tmp_path, monkeypatch):
    with pytest.raises(PosedModelsError, match=r"x\.xml: no such file"):
        openvino_graph.read(tmp_path / "x.xml")
    (tmp_path / "x.xml").write_text("<net")
    with pytest.raises(PosedModelsError, match=r"its weights are missing: put x\.bin beside it"):
        openvino_graph.read(tmp_path / "x.xml")
    (tmp_path / "x.bin").touch()
    with pytest.raises(PosedModelsError, match=r"x\.xml: OpenVINO cannot read it"):
        openvino_graph.read(tmp_path / "x.xml")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(PosedModelsError, match=r"pip install 'posed-models\[openvino\]'"):
        openvino_graph.read(tmp_path / "x.xml")
