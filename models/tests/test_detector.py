"""RTMDet as a finder: its graph, its rounding, its boxes, and the command that makes it."""

import json
import tomllib

import cv2
import numpy as np
import onnx
import onnxruntime as ort
import pytest
from conftest import PHOTOS, REPOSITORY
from onnx import helper, numpy_helper

from posed_models.check.session import Session
from posed_models.cli import main
from posed_models.data.boxes import boxes
from posed_models.data.imagenet import normalise
from posed_models.int8 import graph
from posed_models.nets import rtmdet

DETECTOR = REPOSITORY / "models/detector/rtmdet_nano_person.onnx"
HEIGHT, WIDTH = 192, 256


@pytest.fixture(scope="module")
def photo():
    return cv2.resize(cv2.imread(str(PHOTOS / "basketball.jpg")), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "finder.onnx"
    onnx.save(rtmdet.finder(DETECTOR, HEIGHT, WIDTH), path)
    return path


def test_its_graph_gives_the_detectors_maps(made, photo):
    raw = onnx.load(DETECTOR)
    for place, size in zip(raw.graph.input[0].type.tensor_type.shape.dim[2:], (HEIGHT, WIDTH), strict=True):
        place.dim_value = size
    bgr = ((photo - np.array([103.53, 116.28, 123.675])) / np.array([57.375, 57.12, 58.395])).astype(np.float32)
    run = ort.InferenceSession(raw.SerializeToString(), providers=["CPUExecutionProvider"])
    maps = run.run(None, {"input": bgr.transpose(2, 0, 1)[None]})
    got = Session(made).run(normalise(photo[:, :, ::-1])[None])[0]
    assert got.shape == (15, HEIGHT // 8, WIDTH // 8)
    for i, stride in enumerate(rtmdet.STRIDES):
        level = got[5 * i : 5 * i + 5, :: stride // 8, :: stride // 8]
        np.testing.assert_allclose(level[:1], maps[i][0], atol=2e-4)
        np.testing.assert_allclose(level[1:], maps[3 + i][0], rtol=1e-4, atol=2e-3)
        assert (got[5 * i, 0, 0] == got[5 * i, : stride // 8, : stride // 8]).all()


def test_both_men_are_found_float_and_int8(made, photo, tmp_path):
    x = normalise(photo[:, :, ::-1])[None]
    rounded = graph.quantise(onnx.load(made), np.concatenate([x, x[..., ::-1], x * 0.7]))
    onnx.save(rounded, tmp_path / "int8.onnx")
    for path in (made, tmp_path / "int8.onnx"):
        found = boxes(Session(path).run(x)[0], 0.4)
        assert len(found) == 2, (path, found)
        centres = sorted((b[0] + b[2] / 2) / WIDTH for b, _ in found)
        assert centres[0] < 0.4 < centres[1]


def test_what_is_joined_shares_a_grid_and_sums_have_one_a_channel(made):
    model = onnx.load(made)
    x = np.random.default_rng(0).standard_normal((2, 3, HEIGHT, WIDTH)).astype(np.float32)
    grids = graph.Grids(model, x)
    scale = lambda name: grids.rounders[grids.groups.root(name)].scale  # noqa: E731
    adds = [n for n in model.graph.node if n.op_type == "Add"]
    assert adds and all(len(scale(i)) > 1 for n in adds for i in n.input)
    read_by_convolutions = 0
    for node in (n for n in model.graph.node if n.op_type == "Concat"):
        readers = grids.wiring.readers.get(node.output[0], [])
        if any(r.op_type == "Conv" for r in readers):
            assert len({grids.groups.root(i) for i in node.input}) == 1
            read_by_convolutions += 1
        assert node.output[0] not in grids.points
    assert read_by_convolutions > 4
    pools = [n for n in model.graph.node if n.op_type == "MaxPool"]
    assert all(grids.groups.root(n.input[0]) == grids.groups.root(n.output[0]) for n in pools)
    # Nothing behind the last convolutions, nor a convolution's sum before its activation.
    made_by = {o: n.op_type for n in model.graph.node for o in n.output}
    assert "Conv" not in {made_by.get(p) for p in grids.points}
    rounded = graph.rounded(model, grids)
    kinds = {i.name: i.data_type for i in rounded.graph.initializer}
    convolutions = [n for n in rounded.graph.node if n.op_type == "Conv"]
    weights = {n.input[1].removesuffix("_dq") + "_q" for n in convolutions}
    assert all(kinds[w] == onnx.TensorProto.INT8 for w in weights)
    joined = {n.output[0] for n in rounded.graph.node if n.op_type == "Concat"}
    assert all(i.endswith("_dq") or i in joined for n in convolutions for i in n.input[:2])


def test_boxes_come_back_and_each_person_once():
    maps = np.full((15, 24, 32), -9.0, np.float32)
    maps[:5, 3, 5] = 0.0, 8, 16, 8, 16
    maps[:5, 3, 6] = -0.2, 16, 16, 0.5, 16
    maps[10:, 8:12, 20:24] = np.array([2.0, 40, 60, 24, 68], np.float32)[:, None, None]
    (large, first), (small, second) = boxes(maps, 0.3)
    assert large == [120.0, 4.0, 64.0, 128.0] and small == [32.0, 8.0, 16.0, 32.0]
    assert first == pytest.approx(0.880797) and second == 0.5
    maps[1, 3, 5] = -20
    assert len(boxes(maps, 0.48)) == 1


@pytest.fixture
def pictures(tmp_path):
    """Six pictures of the two men, and the boxes."""
    photo = cv2.imread(str(PHOTOS / "basketball.jpg"))
    images, annotations = [], []
    for i in range(6):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.roll(photo, 3 * i, 1))
        images.append({"id": i, "file_name": f"{i}.png", "width": 640, "height": 480})
        for box in ([37 + 3 * i, 74, 118, 411], [390 + 3 * i, 40, 190, 440]):
            annotations.append({"id": len(annotations) + 1, "image_id": i, "category_id": 1, "iscrowd": 0, "bbox": box})
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}))
    return path


def test_the_command_writes_both_forms_with_cards_and_says_what_int8_keeps(pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(graph, "PICTURES", 4)
    out = tmp_path / "people"
    options = ["--data", str(pictures), "--images", str(tmp_path), "--size", "256x192", "--hold-out", "0.4"]
    assert main(["quantise", str(DETECTOR), *options, "--licence", "Apache-2.0", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "recall" in said and "int8" in said
    for name, precision in (("people", "int8"), ("people_f32", "float32")):
        card = tomllib.loads((tmp_path / f"{name}.toml").read_text())
        assert card["output"]["strides"] == [8, 16, 32] and card["precision"] == precision
        assert card["input"]["width"] == 256 and len(card["golden"]["peaks"]) == 15
        assert card["parameters"] == "1.0 M" and card["flops"] == "148 M"
    assert main(["golden", str(out.with_suffix(".toml"))]) == 0


@pytest.mark.parametrize(
    ("more", "says"), [(["--minutes", "1"], "--minutes"), (["--native"], "--native"), (["--size", "250x192"], "multiple of 32")]
)
def test_what_cannot_be_done_is_refused(pictures, tmp_path, capsys, more, says):
    options = ["--data", str(pictures), "--images", str(tmp_path), *([] if "--size" in more else ["--size", "256x192"]), *more]
    assert main(["quantise", str(DETECTOR), *options, "--out", str(tmp_path / "x")]) != 0
    assert says in capsys.readouterr().err
    assert not (tmp_path / "x.onnx").exists()


def test_another_network_with_six_outputs_is_refused(pictures, tmp_path, capsys):
    value = lambda name, shape: helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)  # noqa: E731
    names = [f"o{i}" for i in range(6)]
    nodes = [helper.make_node("Conv", ["x", "w"], [n]) for n in names]
    held = [numpy_helper.from_array(np.ones((2, 3, 1, 1), np.float32), "w")]
    net = helper.make_graph(nodes, "g", [value("x", [1, 3, 64, 64])], [value(n, None) for n in names], held)
    path = tmp_path / "six.onnx"
    onnx.save(helper.make_model(net, opset_imports=[helper.make_opsetid("", 13)]), path)
    options = ["--data", str(pictures), "--images", str(tmp_path), "--size", "256x192", "--out", str(tmp_path / "x")]
    assert main(["quantise", str(path), *options]) != 0
    assert "RTMDet" in capsys.readouterr().err
