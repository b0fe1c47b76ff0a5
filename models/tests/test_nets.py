"""Every network of the paper has its size, its cost and its shapes."""

import pytest
import torch

from posed_models.errors import PosedModelsError
from posed_models.nets.complexity import complexity
from posed_models.tasks import build

# arch, joints, height, width, parameters in M and MFLOPs as the paper and the official README print them, the same as we count
PAPER = [
    ("lite18", 17, 256, 192, 1.1, 205.2, 1_130_769, 205.233),
    ("lite30", 17, 256, 192, 1.8, 319.2, 1_763_717, 319.199),
    ("naive18", 17, 256, 192, 0.7, 194.8, 760_365, 194.757),
    ("wider18", 17, 256, 192, 1.3, 311.1, 1_318_625, 311.053),
    ("lite18", 17, 384, 288, 1.1, 461.6, 1_130_769, 461.563),
    ("lite30", 17, 384, 288, 1.8, 717.8, 1_763_717, 717.840),
    ("naive18", 16, 256, 256, 0.7, 259.6, 760_334, 259.554),
    ("lite18", 16, 256, 256, 1.1, 273.4, 1_130_728, 273.428),
    ("lite30", 16, 256, 256, 1.8, 425.3, 1_763_676, 425.344),
]


@pytest.mark.parametrize(("arch", "joints", "height", "width", "params", "mflops", "our_params", "our_mflops"), PAPER)
def test_parameters_and_flops_are_the_papers(arch, joints, height, width, params, mflops, our_params, our_mflops):
    c = complexity(build(arch, "pose", joints), height, width)
    assert c.parameters == our_params
    assert abs(c.parameters / 1e6 - params) < 0.07  # the paper prints 0.760 as 0.7 and 1.764 as 1.8
    assert c.mflops == pytest.approx(our_mflops, abs=0.001)
    assert round(c.mflops, 1) == mflops


@pytest.mark.parametrize(("outputs", "head"), [(19, 320 * 320 + 2 * 320 + 19 * 321), (2, 40 * 40 + 2 * 40 + 2 * 41)])
def test_a_segmentation_network_adds_its_head_to_the_backbone(outputs, head):
    net = build("lite18", "segmentation", outputs)
    pose = build("lite18")
    backbone = sum(p.numel() for p in pose.backbone.parameters())
    assert sum(p.numel() for p in net.parameters()) - backbone == head
    with torch.no_grad():
        assert net.eval()(torch.zeros(1, 3, 64, 128)).shape == (1, outputs, 16, 32)


def test_what_cannot_be_built_is_named():
    with pytest.raises(PosedModelsError, match=r"lite17.*lite18"):
        build("lite17")
    with pytest.raises(PosedModelsError, match="multiples of 32"):
        complexity(build("naive18"), 250, 192)
