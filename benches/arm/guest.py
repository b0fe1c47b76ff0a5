"""guest.py: runs in the guest; prints the instructions of one inference, for every engine and network. See README.md.

Under `-icount shift=0` the clock advances one nanosecond an executed instruction, so a time in ns is a count. It holds the kernel's
share too (timer ticks, page faults), about 0.1 %. `guest.py peer NAME` is one engine on one network in a process of its own.
"""

import json
import os
import re
import subprocess
import sys
import time

HERE = "/work"
NETS = ["lite_hrnet_18", "wider_naive_lite_hrnet_18"]
KINDS = ["posed-int8", "posed-four", "posed-f32", "ort-f32", "ort-int8", "ncnn-f32", "ncnn-stored16", "ncnn-default"]
KINDS += ["mnn-f32", "mnn-low", "litert-f32", "litert-f16"]
WARM_UP, RUNS = 2, 3


def picture():
    import numpy as np

    line = next(row.split() for row in open(f"{HERE}/golden/index.txt") if row.startswith("input_basketball.bin"))
    image = np.fromfile(f"{HERE}/golden/{line[0]}", np.int8).reshape(256, 192, 3).transpose(2, 0, 1)
    return np.ascontiguousarray((image.astype(np.float32) - float(line[4])) * np.float32(line[3]))


def ort(model):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(f"{HERE}/models/{model}.onnx", options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: picture()[None]}
    return lambda: session.run(None, feed)[0][0]


def ncnn(model, kind):
    import ncnn
    import numpy as np

    net, image = ncnn.Net(), picture()
    net.opt.num_threads = 1
    stored = ("fp16_packed", "fp16_storage", "bf16_storage", "bf16_packed")
    for name in {"ncnn-f32": (*stored, "fp16_arithmetic"), "ncnn-stored16": ("fp16_arithmetic",), "ncnn-default": ()}[kind]:
        if hasattr(net.opt, f"use_{name}"):
            setattr(net.opt, f"use_{name}", False)
    if net.load_param(f"{HERE}/peers/{model}_f32.param") or net.load_model(f"{HERE}/peers/{model}_f32.bin"):
        raise SystemExit(f"{model} does not load")
    mat = ncnn.Mat(image)  # borrows the picture's memory

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", mat)
        return np.array(extractor.extract("out0")[1])  # one copy of 0.2 MB

    run.keep = image
    return run


def mnn(model, precision):
    import MNN
    import numpy as np

    net, x = MNN.Interpreter(f"{HERE}/peers/{model}_f32.mnn"), picture()[None]
    session = net.createSession({"numThread": 1, "backend": "CPU", "precision": precision})
    image, out = net.getSessionInput(session), net.getSessionOutput(session)
    shape, room = out.getShape(), np.zeros(out.getShape(), np.float32)
    given = MNN.Tensor(image.getShape(), MNN.Halide_Type_Float, x, MNN.Tensor_DimensionType_Caffe)
    back = MNN.Tensor(shape, MNN.Halide_Type_Float, room, MNN.Tensor_DimensionType_Caffe)

    def run():
        image.copyFrom(given)
        net.runSession(session)
        out.copyToHostTensor(back)
        return np.array(back.getNumpyData(), np.float32).reshape(shape)[0]

    run.keep = x, room, net
    return run


def litert(model):
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(f"{HERE}/peers/{model}.tflite", num_threads=1)  # XNNPACK is its default
    net.allocate_tensors()
    image, out = net.get_input_details()[0]["index"], net.get_output_details()[0]["index"]
    x = np.ascontiguousarray(picture().transpose(1, 2, 0)[None])

    def run():
        net.set_tensor(image, x)
        net.invoke()
        return net.get_tensor(out)[0].transpose(2, 0, 1)

    return run


def engine(kind, net):
    if kind.startswith("ort"):
        return ort(net + ("_f32" if kind == "ort-f32" else ""))
    if kind.startswith("mnn"):
        return mnn(net, {"mnn-f32": "high", "mnn-low": "low"}[kind])
    if kind.startswith("litert"):
        return litert(net + {"litert-f32": "_f32", "litert-f16": "_f32_f16"}[kind])
    return ncnn(net, kind)


def peer(name):
    import numpy as np

    kind, net = name.split("/")
    run = engine(kind, net)
    counts = []
    for _ in range(WARM_UP + RUNS):
        start = time.perf_counter_ns()
        heatmaps = run()
        counts.append(time.perf_counter_ns() - start)
    wrong = int((~np.isfinite(heatmaps)).sum())
    off = f"{wrong} of {heatmaps.size} values are no numbers" if wrong else float(np.abs(ort(net + "_f32")() - heatmaps).max())
    return sorted(counts[WARM_UP:]), off


def say(name, counts, off=None):
    print(
        f"RESULT {name} least {counts[0]} median {counts[len(counts) // 2]} most {counts[-1]}"
        + ("" if off is None else f" off {off if isinstance(off, str) else round(off, 5)}"),
        flush=True,
    )


def posed(name):
    kind, net = name.split("/")
    model = net + ("_f32" if kind == "posed-f32" else "")
    out = subprocess.run(
        [f"{HERE}/posed", "bench", f"{HERE}/models/{model}.toml", "--runs", str(RUNS), "--json"], stdout=subprocess.PIPE
    )
    ms = json.loads(out.stdout)["inference_ms"]
    return [round(ms[k] * 1e6) for k in ("min", "median", "p99")]


def four(net):
    """What the busiest of four threads has to do of an inference, each round's busiest, and all of it. Done by one thread, piece by piece."""
    out = subprocess.run(
        [f"{HERE}/posed", "bench", f"{HERE}/models/{net}.toml", "--profile", "--threads", "4", "--runs", str(RUNS), "--json"],
        stdout=subprocess.PIPE,
    )
    profile = json.loads(out.stdout)
    return [round(profile[k] * 1e6) for k in ("longest_ms", "all_ms")]


def main():
    if sys.argv[1:2] == ["peer"]:
        say(sys.argv[2], *peer(sys.argv[2]))
        return
    only = re.compile(os.environ.get("ONLY", "."))  # a kernel parameter ONLY=… reaches us as a variable
    for name in (f"{kind}/{net}" for net in NETS for kind in KINDS):
        if not only.search(name):
            continue
        if name.startswith("posed-four"):
            longest, whole = four(name.split("/")[1])
            print(f"RESULT {name} busiest {longest} of {whole}, {whole / longest:.2f} times as few", flush=True)
        elif name.startswith("posed"):
            say(name, posed(name))
        elif subprocess.run([sys.executable, __file__, "peer", name]).returncode:
            print(f"RESULT {name} failed", flush=True)


if __name__ == "__main__":
    main()
