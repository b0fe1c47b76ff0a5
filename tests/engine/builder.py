"""A small writer of ONNX graphs (opset 13 or 14) with random weights, in float or with QuantizeLinear/DequantizeLinear pairs.

A Graph is built twice by the same function: with ranges=None it stays float and its rounding points are watched; with the ranges it
found (`watch`) every `point` becomes a QDQ pair (int8, asymmetric, per tensor) and every weight int8 (symmetric, per output channel).
"""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


class Graph:
    def __init__(self, seed, ranges=None):
        self.random, self.ranges = np.random.default_rng(seed), ranges
        self.nodes, self.constants, self.points, self.count = [], [], {}, 0

    def name(self, op):
        self.count += 1
        return f"{op}{self.count}"

    def const(self, array):
        """The name of an initializer; equal ones are stored once."""
        array = np.asarray(array)
        for c in self.constants:
            old = numpy_helper.to_array(c)
            if old.dtype == array.dtype and old.shape == array.shape and (old == array).all():
                return c.name
        self.constants.append(numpy_helper.from_array(array, f"c{len(self.constants)}"))
        return self.constants[-1].name

    def op(self, op, *inputs, outputs=1, **attributes):
        name = self.name(op)
        out = [name + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), out, name=name, **attributes))
        return out[0] if outputs == 1 else out

    def point(self, x, key, channels=None):
        """Round x here. Points of one key share one scale. `channels`: a scale for each of so many, which differ by up to two."""
        self.points.setdefault(key, []).append(x)
        if self.ranges is None:
            return x
        lo, hi = min(self.ranges[key][0], 0), max(self.ranges[key][1], 0)
        scale = np.float32(max(hi - lo, 1e-6) / 255)
        zero = np.int8(np.clip(np.rint(-128 - lo / scale), -128, 127))
        axis = {}
        if channels:
            scale = scale * np.linspace(0.7, 1.4, channels).astype(np.float32)
            zero, axis = np.full(channels, zero), {"axis": 1}
        s, z = self.const(scale), self.const(zero)
        return self.op("DequantizeLinear", self.op("QuantizeLinear", x, s, z, **axis), s, z, **axis)

    def weight(self, w, axis=0):
        if self.ranges is None:
            return self.const(w)
        other = tuple(i for i in range(w.ndim) if i != axis)
        scale = (np.abs(w).max(other) / 127).astype(np.float32)
        shape = [-1 if i == axis else 1 for i in range(w.ndim)]
        q = np.clip(np.rint(w / scale.reshape(shape)), -127, 127).astype(np.int8)
        return self.op("DequantizeLinear", self.const(q), self.const(scale), self.const(np.zeros(len(scale), np.int8)), axis=axis)

    def conv(self, x, cin, cout, k=1, stride=1, groups=1, gain=2.0):
        """Random weights of variance gain / fan-in: gain 2 keeps the size of activations through a ReLU, 1 without one."""
        fan = cin // groups * k * k
        w = (self.random.standard_normal((cout, cin // groups, k, k)) * np.sqrt(gain / fan)).astype(np.float32)
        b = (self.random.standard_normal(cout) * 0.1).astype(np.float32)
        return self.op(
            "Conv",
            x,
            self.weight(w),
            self.const(b),
            kernel_shape=[k, k],
            strides=[stride] * 2,
            pads=[k // 2] * 4,
            dilations=[1, 1],
            group=groups,
        )

    def depthwise(self, x, c, k=3, stride=1, gain=1.0):
        return self.conv(x, c, c, k, stride, c, gain)

    def model(self, out, in_shape, out_shape, opset):
        self.nodes.append(helper.make_node("Identity", [out], ["heatmaps"], name="last")) if out != "heatmaps" else None
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, in_shape)],
            [helper.make_tensor_value_info("heatmaps", TensorProto.FLOAT, out_shape)],
            self.constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7, producer_name="posed tests"
        )
        onnx.checker.check_model(onnx.shape_inference.infer_shapes(model, strict_mode=True), full_check=True)
        return model

    def rename_output(self, out):
        """Let the node that makes `out` make the network's output instead."""
        for node in self.nodes:
            node.output[:] = ["heatmaps" if o == out else o for o in node.output]
        return "heatmaps"


def session(model, level=onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def watch(model, points, inputs):
    """Least and greatest value of every point's tensors over the inputs; key -> (lo, hi)."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    names = sorted({t for tensors in points.values() for t in tensors if t not in ("image", "heatmaps")})
    wide.graph.output.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in names)
    run, seen = session(wide), {}
    for x in inputs:
        values = dict(zip(names, run.run(names, {"image": x}), strict=True), image=x)
        for n, v in values.items():
            lo, hi = seen.get(n, (np.inf, -np.inf))
            seen[n] = min(lo, float(v.min())), max(hi, float(v.max()))
    return {key: (min(seen[t][0] for t in tensors), max(seen[t][1] for t in tensors)) for key, tensors in points.items()}


def picture(seed, shape):
    """A smooth random picture with noise, of about unit variance, as float32."""
    random = np.random.default_rng(seed)
    n, c, h, w = shape
    x = random.standard_normal((n, c, h // 8, w // 8)).repeat(8, 2).repeat(8, 3)
    return (0.8 * x + 0.5 * random.standard_normal(shape)).astype(np.float32)
