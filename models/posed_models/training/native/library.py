"""The C++ beside this file, compiled for this very processor at the first use and kept in the user's cache.

In: lists of [`Tensor`] and [`Operator`]. Out: a [`Library`] that runs them.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from posed_models.errors import PosedModelsError

FOLDER = Path(__file__).parent
SOURCES = ("network.cpp", "rounding.h", "operators.h", "matrix.h", "lanes.h")
FLAGS = ("-std=c++17", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC", "-pthread")
MOST_TERMS = 4

KINDS = ("pointwise", "depthwise", "stem", "pool", "weigh", "shuffle", "sum", "enlarge", "round")
"""In the order of `Kind` in network.cpp."""


class Tensor(ctypes.Structure):
    """network.cpp: a height x width x channels array; pixels lie `row` floats apart, in a larger one if that is more."""

    _fields_ = [
        ("value", ctypes.c_int64), ("gradient", ctypes.c_int64), ("height", ctypes.c_int32), ("width", ctypes.c_int32),
        ("channels", ctypes.c_int32), ("row", ctypes.c_int32),
    ]  # fmt: skip


class Operator(ctypes.Structure):
    """network.cpp; `begins[k]`: is this, going backward, the first to write to the gradient of input k?"""

    _fields_ = [
        ("kind", ctypes.c_int32), ("inputs", ctypes.c_int32), ("input", ctypes.c_int32 * MOST_TERMS),
        ("begins", ctypes.c_int32 * MOST_TERMS), ("factor", ctypes.c_float * MOST_TERMS), ("output", ctypes.c_int32),
        ("option", ctypes.c_int32), ("unused", ctypes.c_int32), ("weight", ctypes.c_int64), ("bias", ctypes.c_int64),
    ]  # fmt: skip


class Weights(ctypes.Structure):
    """network.cpp: four arrays of float32."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("plain", "turned", "bias", "rounding")]


def compiled(flags: tuple[str, ...] = FLAGS) -> Path:
    """The path of the compiled library; compiles it if its sources, flags or processor are new."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        raise PosedModelsError("--native needs a C++ compiler: apt install g++, or leave --native away")
    digest = hashlib.sha256(" ".join((*flags, compiler, _processor())).encode())
    for name in SOURCES:
        digest.update((FOLDER / name).read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posed_models"
    path = cache / f"native-{digest.hexdigest()[:16]}.so"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as beside:
            part = Path(beside) / path.name
            done = subprocess.run([compiler, *flags, str(FOLDER / SOURCES[0]), "-o", str(part)], capture_output=True, text=True)
            if done.returncode:
                raise PosedModelsError(f"{compiler} could not compile {FOLDER / SOURCES[0]}:\n{done.stderr.strip()[-2000:]}")
            part.replace(path)
    return path


def _processor() -> str:
    """What `-march=native` depends on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return platform.machine() + next((line for line in lines if line.startswith(("flags", "Features"))), "")


def load(flags: tuple[str, ...] = FLAGS) -> ctypes.CDLL:
    """The library with its functions' types."""
    library = ctypes.CDLL(str(compiled(flags)))
    size, whole, pointer = ctypes.c_int64, ctypes.c_int, ctypes.c_void_p
    library.network_new.restype = pointer
    library.network_new.argtypes = [
        ctypes.POINTER(Tensor), whole, ctypes.POINTER(Operator), whole, size, size, size, size, whole, whole, whole,
    ]  # fmt: skip
    library.network_free.argtypes = [pointer]
    library.network_run.argtypes = [pointer, Weights, pointer, whole, pointer]
    library.network_learn.restype = ctypes.c_double
    library.network_learn.argtypes = [pointer, Weights, pointer, pointer, whole, ctypes.c_float, ctypes.c_float, pointer]
    library.network_follow.restype = ctypes.c_double
    library.network_follow.argtypes = [pointer, Weights, pointer, pointer, pointer, whole, ctypes.c_float, pointer]
    return library
