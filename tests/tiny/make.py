"""make.py: two networks small enough to be understood, for tests. Needs onnx and numpy.

bright.onnx, a segmentation: 128x128, a cell of 4x4 pixels is a person's where it is bright on average; input normalised with mean and std 0.5.
points.onnx, 16 joints of MPII: 64x64, each heatmap is the brightness, so that every joint is at the brightest place.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def save(name, side, weight):
    planes = len(weight)
    nodes = [helper.make_node("Conv", ["image", "weight"], ["out"], kernel_shape=[4, 4], strides=[4, 4])]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, planes, side // 4, side // 4])
    graph = helper.make_graph(nodes, name, [image], [out], [numpy_helper.from_array(weight, "weight")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, name + ".onnx")


bright = np.zeros((2, 3, 4, 4), np.float32)
bright[1] = 1 / 48
save("bright", 128, bright)
save("points", 64, np.full((16, 3, 4, 4), 1 / 48, np.float32))
