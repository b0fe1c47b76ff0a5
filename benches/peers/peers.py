"""Speed of another engine on a pose network, as one JSON line: median and least wall ms, CPU ms, load ms, peak MB.

    peers.py ort MODEL.onnx [--runs 100] [--follow]
    peers.py ncnn MODEL            (MODEL.param and MODEL.bin, from convert_ncnn.py)
    peers.py litert MODEL.tflite   (from convert_litert.py)

One thread, one process, float32 storage and arithmetic in ncnn (fp16 and bf16 off). Pin it: taskset -c 1. With --follow, see PROTOCOL.md:
each line on stdin runs one batch. The input is random, 1x3xHxW; every network does the same work on any picture. The times are those
of the engine's own call, ncnn's with one copy of the heatmaps (0.2 MB), LiteRT's with one of them and one of the input (0.6 MB).
To hold onnxruntime or ncnn to AVX2, see avx2/hold_avx2.py. Needs pip packages onnxruntime, ncnn or ai-edge-litert, and numpy.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

WARM_UP_RUNS = 5


class Ort:
    def __init__(self, model):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        self.shape = self.session.get_inputs()[0].shape

    def set_input(self, x):
        self.x = x
        return self

    def run(self):
        return self.session.run(None, {self.name: self.x})[0]


class Ncnn:
    shape = (1, 3, 256, 192)

    def __init__(self, model):
        import ncnn

        self.ncnn, self.net = ncnn, ncnn.Net()
        options = self.net.opt
        options.num_threads = 1
        for name in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage", "bf16_packed", "vulkan_compute"):
            if hasattr(options, f"use_{name}"):
                setattr(options, f"use_{name}", False)
        if self.net.load_param(model + ".param") or self.net.load_model(model + ".bin"):
            raise SystemExit(f"{model}.param and .bin do not load")

    def set_input(self, x):
        self.kept = np.ascontiguousarray(x[0])  # ncnn.Mat borrows this memory
        self.x = self.ncnn.Mat(self.kept)
        return self

    def run(self):
        extractor = self.net.create_extractor()
        extractor.input("in0", self.x)
        return np.array(extractor.extract("out0")[1])


class Litert:
    shape = (1, 3, 256, 192)

    def __init__(self, model):
        from ai_edge_litert.interpreter import Interpreter

        self.net = Interpreter(model, num_threads=1)
        self.net.allocate_tensors()
        self.image, self.out = (details[0]["index"] for details in (self.net.get_input_details(), self.net.get_output_details()))

    def set_input(self, x):
        self.x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
        return self

    def run(self):
        self.net.set_tensor(self.image, self.x)
        self.net.invoke()
        return self.net.get_tensor(self.out).transpose(0, 3, 1, 2)


ENGINES = {"ort": (Ort, "onnxruntime"), "ncnn": (Ncnn, "ncnn"), "litert": (Litert, "ai_edge_litert.interpreter")}


def times(engine, runs):
    """Wall and CPU milliseconds of `runs` inferences, each ascending."""
    wall, cpu = [], []
    for _ in range(runs):
        a, b = time.perf_counter(), time.process_time()
        engine.run()
        wall.append((time.perf_counter() - a) * 1e3)
        cpu.append((time.process_time() - b) * 1e3)
    return sorted(wall), sorted(cpu)


def peak_mb():
    line = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def say(**fields):
    print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in fields.items()}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("model")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--follow", action="store_true")
    args = parser.parse_args()
    kind, library = ENGINES[args.engine]
    __import__(library)  # the library itself is not part of the load time
    start, start_cpu = time.perf_counter(), time.process_time()
    engine = kind(args.model)
    load, load_cpu = (time.perf_counter() - start) * 1e3, (time.process_time() - start_cpu) * 1e3
    shape = [n if isinstance(n, int) else 1 for n in engine.shape]
    engine.set_input(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
    times(engine, WARM_UP_RUNS)
    name = {"engine": args.engine, "model": os.path.basename(args.model)}
    if args.follow:
        say(ready=True, **name)
        for _ in sys.stdin:
            wall, cpu = times(engine, args.runs)
            say(median_ms=wall[len(wall) // 2], min_ms=wall[0], cpu_ms=cpu[len(cpu) // 2], runs=args.runs)
        return
    wall, cpu = times(engine, args.runs)
    say(
        **name,
        runs=args.runs,
        median_ms=wall[len(wall) // 2],
        min_ms=wall[0],
        cpu_ms=cpu[len(cpu) // 2],
        cpu_min_ms=cpu[0],
        load_ms=load,
        load_cpu_ms=load_cpu,
        peak_mb=peak_mb(),
    )


if __name__ == "__main__":
    main()
