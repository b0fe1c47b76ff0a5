"""Writes small random networks that are not the shipped ones, and what onnxruntime makes of them. No torch.

    python make_nets.py        needs onnx, onnxruntime, numpy (last run: 1.23.2, 1.32.0, 2.4.6, x86 with AVX-512 VNNI)

Out, beside this script (all take `image` 1x3x128x96 and give `heatmaps` 1x17x32x24):
     mobile.onnx          MobileNet-like, float: Clip(0,6), inverted residuals, depthwise 3x3 (stride 1 and 2) and 5x5, Add, HardSwish,
                          ConvTranspose 4x4 stride 2, Resize bilinear half_pixel (opset 14)
     mobile.int8.onnx     the same, QDQ, int8 weights per channel
     lite.int8.onnx       two conditional channel weighting blocks of Lite-HRNet on 32x24x16 and 16x12x32, then one fuse row; QDQ as our models
     lite_elu.int8.onnx   the same with an Elu between one depthwise convolution and its QuantizeLinear
     lite_pool.int8.onnx  the same with a product with Sigmoid(GlobalMaxPool) there
     csp.int8.onnx        two CSPNeXt blocks as RTMDet has them: SiLU, depthwise 3x3 and 5x5, sums and gates with a scale a channel,
                          maximum pools of 5, 9 and 13, an enlargement that is joined; QDQ (of `python make_nets.py csp` alone)
     image.f32            the input of all, 1x3x128x96 planar, little-endian float32
     NAME.f32             the heatmaps of NAME.onnx by onnxruntime, graph optimisation off, planar, float32
     NAME.all.f32         the same with all optimisations, of the int8 networks
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from builder import Graph, picture, session, watch
from make_odd import with_elu, with_pool_gate

HERE = Path(__file__).resolve().parent
IN, OUT = [1, 3, 128, 96], [1, 17, 32, 24]


def mobile(g):
    def clip(x):
        return g.op("Clip", x, g.const(np.float32(0)), g.const(np.float32(6)))

    def inverted_residual(x, key, cin, wide, cout, k, stride, act):
        y = g.point(act(g.conv(x, cin, wide)), key + ".expand")
        y = g.point(act(g.depthwise(y, wide, k, stride, 2.0)), key + ".depthwise")
        y = g.point(g.conv(y, wide, cout, gain=1.0), key + ".project")
        return g.point(g.op("Add", x, y), key + ".sum") if stride == 1 and cin == cout else y

    x = g.point("image", "image")
    x = g.point(clip(g.conv(x, 3, 16, 3, 2)), "stem")
    x = inverted_residual(x, "b1", 16, 48, 24, 3, 2, clip)
    x = inverted_residual(x, "b2", 24, 72, 24, 3, 1, clip)
    x = inverted_residual(x, "b3", 24, 72, 32, 5, 2, lambda v: g.op("HardSwish", v))
    x = inverted_residual(x, "b4", 32, 96, 32, 3, 2, clip)
    w = (g.random.standard_normal((32, 24, 4, 4)) * np.sqrt(2 / (32 * 4))).astype(np.float32)
    b = (g.random.standard_normal(24) * 0.1).astype(np.float32)
    x = g.op("ConvTranspose", x, g.weight(w, 1), g.const(b), kernel_shape=[4, 4], strides=[2, 2], pads=[1, 1, 1, 1])
    x = g.point(clip(x), "deconv")
    x = g.op(
        "Resize", x, "", g.const(np.array([1, 1, 2, 2], np.float32)), mode="linear", coordinate_transformation_mode="half_pixel"
    )
    return g.conv(g.point(x, "resize"), 24, 17, gain=1.0)


def lite(g):
    """Node for node the way our int8 files write it: the halves of a block share the block's scale, pools one, gates live on [0, 1]."""
    channels, sizes = [16, 32], [(32, 24), (16, 12)]
    axis = g.const(np.array([1]))

    def part(x, a, b):
        return g.op("Slice", x, g.const(np.array([a])), g.const(np.array([b])), axis)

    def pool(x, k):
        return g.op("AveragePool", x, kernel_shape=list(k), strides=list(k), pads=[0] * 4, count_include_pad=1)

    ratio = 4

    def gate(x, cin, key):
        x = g.point(g.op("Relu", g.conv(x, cin, max(cin // ratio, 2))), key + ".squeeze")
        return g.point(g.op("Sigmoid", g.conv(x, max(cin // ratio, 2), cin, gain=4.0)), "gate")

    def block(xs, key):
        half = [c // 2 for c in channels]
        keep, work = zip(*[(part(x, 0, h), part(x, h, 2 * h)) for x, h in zip(xs, half, strict=True)], strict=False)
        pooled = [g.point(pool(work[0], (2, 2)), key + ".pool"), g.point(work[1], key + ".pool")]
        gates = g.op("Split", gate(g.op("Concat", *pooled, axis=1), sum(half), key), g.const(np.array(half)), axis=1, outputs=2)
        gates[0] = g.op(
            "Resize",
            gates[0],
            "",
            g.const(np.array([1, 1, 2, 2], np.float32)),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        out = []
        for i, h in enumerate(half):
            x = g.point(g.op("Mul", work[i], gates[i]), f"{key}.cross{i}")
            x = g.point(g.depthwise(x, h, gain=6.0), f"{key}.depthwise{i}")
            se = gate(g.point(pool(x, sizes[i]), f"{key}.squeeze{i}"), h, f"{key}.se{i}")
            x = g.op("Concat", keep[i], g.point(g.op("Mul", x, se), f"branch{i}"), axis=1)
            shape = [1, 2, h, *sizes[i]]
            x = g.op("Transpose", g.op("Reshape", x, g.const(np.array(shape))), perm=[0, 2, 1, 3, 4])
            out.append(g.op("Reshape", x, g.const(np.array([1, 2 * h, *sizes[i]]))))
        return out

    x = g.point("image", "image")
    x = g.point(g.op("Relu", g.conv(x, 3, 16, 3, 2)), "stem")
    x = g.point(g.depthwise(x, 16, 3, 2), "stem.depthwise")
    fine = g.point(g.op("Relu", g.conv(x, 16, 16)), "branch0")
    x = g.point(g.depthwise(fine, 16, 3, 2), "transition")
    coarse = g.point(g.op("Relu", g.conv(x, 16, 32)), "branch1")
    fine, coarse = block(block([fine, coarse], "block0"), "block1")
    up = g.op(
        "Resize",
        g.conv(coarse, 32, 16, gain=1.0),
        "",
        g.const(np.array([1, 1, 2, 2], np.float32)),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    x = g.point(g.op("Relu", g.op("Add", g.op("Add", fine, fine), up)), "fuse")
    return g.conv(x, 16, 17, gain=1.0)


def csp(g):
    def silu(x):
        return g.op("Mul", x, g.op("Sigmoid", x))

    def layer(x, cin, cout, key, k=1, stride=1, channels=None):
        return g.point(silu(g.conv(x, cin, cout, k, stride, gain=3.0)), key, channels)

    def depthwise(x, c, key, k, stride=1):
        return g.point(silu(g.depthwise(x, c, k, stride, 3.0)), key)

    def block(x, c, key):
        half = c // 2
        short = layer(x, c, half, key + ".short", channels=half)
        main = layer(x, c, half, key + ".main", channels=half)
        y = layer(depthwise(main, half, key + ".a", 3), half, half, key + ".b", channels=half)
        y = layer(depthwise(y, half, key + ".c", 5), half, half, key + ".d", channels=half)
        y = g.point(g.op("Add", y, main), key + ".sum", half)
        x = g.op("Concat", y, short, axis=1)
        gate = g.conv(g.point(g.op("GlobalAveragePool", x), key + ".pool"), c, c, gain=4.0)
        gate = g.point(g.op("HardSigmoid", gate, alpha=float(np.float32(1 / 6))), key + ".gate")
        return layer(g.point(g.op("Mul", x, gate), key + ".gated"), c, c, key + ".last")

    x = layer(g.point("image", "image"), 3, 16, "stem", 3, 2)
    x = layer(depthwise(x, 16, "stem.depthwise", 3, 2), 16, 32, "fine.begin")
    fine = block(x, 32, "fine")
    x = layer(depthwise(fine, 32, "coarse.depthwise", 5, 2), 32, 48, "coarse.begin")
    x = layer(x, 48, 16, "pools")
    pools = [g.op("MaxPool", x, kernel_shape=[k, k], strides=[1, 1], pads=[k // 2] * 4) for k in (5, 9, 13)]
    x = g.op("Concat", x, *(g.point(p, "pools") for p in pools), axis=1)
    coarse = block(x, 64, "coarse")
    x = layer(coarse, 64, 32, "joined")
    up = g.op(
        "Resize",
        x,
        "",
        g.const(np.array([1, 1, 2, 2], np.float32)),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    fine = layer(fine, 32, 32, "joined")
    x = layer(g.op("Concat", g.point(up, "joined"), fine, axis=1), 64, 32, "end")
    return g.conv(x, 32, 17, gain=1.0)


def both(make, seed, opset):
    """The float network and its int8 twin, with ranges from eight random pictures."""
    plain = Graph(seed)
    model = plain.model(plain.rename_output(make(plain)), IN, OUT, opset)
    ranges = watch(model, plain.points, [picture(100 + i, IN) for i in range(8)])
    if "gate" in ranges:
        ranges["gate"] = (0.0, 1.0)
    twin = Graph(seed, ranges)
    return model, twin.model(twin.rename_output(make(twin)), IN, OUT, opset)


def main():
    x = picture(1, IN)
    x.tofile(HERE / "image.f32")
    nets = {}
    nets["csp"], nets["csp.int8"] = both(csp, 9, 13)
    if sys.argv[1:] != ["csp"]:
        nets["mobile"], nets["mobile.int8"] = both(mobile, 7, 14)
        nets["lite"], nets["lite.int8"] = both(lite, 8, 13)
        nets["lite_elu.int8"], nets["lite_pool.int8"] = with_elu(nets["lite.int8"]), with_pool_gate(nets["lite.int8"])
    plain = {}
    for name, model in nets.items():
        plain[name] = y = session(model).run(None, {"image": x})[0]
        report = f"{name:15} |max| {np.abs(y).max():.3f} rms {y.std():.3f}"
        if name not in ("lite", "csp"):
            onnx.save(model, HERE / f"{name}.onnx")
            y.astype("<f4").tofile(HERE / f"{name}.f32")
            report += f"  {(HERE / f'{name}.onnx').stat().st_size} bytes"
        if "int8" in name:
            z = session(model, onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL).run(None, {"image": x})[0]
            z.astype("<f4").tofile(HERE / f"{name}.all.f32")
            d, step, f = np.abs(y - z), np.abs(y).max() / 127, plain[name.split(".")[0].split("_")[0]]
            report += f"  levels none|all: within a step {np.mean(d <= step):.4f} max {d.max() / step:.2f} steps"
            report += f"  from float: {10 * np.log10((f**2).mean() / ((f - y) ** 2).mean()):.1f} dB"
        print(report)


if __name__ == "__main__":
    main()
