"""Somebody's weights to our ONNX and card, proven equal to the source.

In: .pth (official, mmpose, mmsegmentation), .pt (ours), .npz, float .onnx or OpenVINO .xml. Out: NAME.onnx and NAME.toml.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch

from posed_models import card, checkpoint
from posed_models.blocks import fold_bn
from posed_models.checkpoint import Imported
from posed_models.complexity import complexity
from posed_models.errors import PosedModelsError
from posed_models.export import export_float
from posed_models.foreign import SUFFIXES, load_export
from posed_models.nets import ARCHS, LiteHRNetSegmenter, build
from posed_models.openvino_graph import OpenVinoSession
from posed_models.session import Session
from posed_models.skeletons import output_names

TOLERANCE = 1e-5
"""The most by which an imported network may differ from its source, as a share of the largest output."""


def load(path: str | Path, trust: bool = False) -> Imported:
    """Any of the files named above."""
    if Path(path).suffix in SUFFIXES:
        return load_export(path)
    return checkpoint.load(path, trust)


def folded(imported: Imported) -> torch.nn.Module:
    """The network with its batch norms in its convolutions; `imported` is left as it is."""
    return imported.net if imported.folded else fold_bn(copy.deepcopy(imported.net))


def describe(imported: Imported, height: int, width: int, precision: str, licence: str, source: str) -> card.Card:
    """A card with parameters and FLOPs counted."""
    every = isinstance(imported.net, LiteHRNetSegmenter) and imported.net.decode_head.every
    net = build(imported.arch, imported.task, imported.outputs, every)
    c = complexity(net, height, width)
    kind = {"float32": "float32", "int8": "int8 (QDQ)"}[precision]
    return card.Card(
        title=f"{ARCHS[imported.arch].title}, {kind}",
        precision=precision,
        names=output_names(imported.task, imported.outputs),
        task=imported.task,
        parameters=f"{c.parameters / 1e6:.1f} M",
        flops=f"{c.mflops:.0f} M",
        licence=licence,
        source=source,
    )


@torch.no_grad()
def difference(imported: Imported, source: str | Path, onnx: str | Path) -> float:
    """Largest difference between `onnx` and its source on random images, as a share of the largest output.

    The source is run by ONNX Runtime or OpenVINO if it is such a file of the same input size, else in PyTorch with its batch
    norms unfolded.
    """
    ours = Session(onnx)
    x = np.random.default_rng(0).standard_normal((2, 3, *ours.size)).astype(np.float32)
    want = None
    if Path(source).suffix in SUFFIXES:
        theirs = OpenVinoSession(source) if Path(source).suffix == ".xml" else Session(source)
        want = theirs.run(x) if theirs.size == ours.size else None
    if want is None:
        want = imported.net.cpu().eval()(torch.from_numpy(x)).numpy()
    got = ours.run(x)
    if want.shape != got.shape:
        raise PosedModelsError(f"{source}: first output is {want.shape}, ours is {got.shape}: cut the export to its heatmaps")
    return float(np.abs(got - want).max() / max(np.abs(want).max(), 1e-12))


def import_file(
    source: str | Path,
    onnx: str | Path,
    height: int,
    width: int,
    licence: str = "",
    origin: str = "",
    trust: bool = False,
) -> tuple[Imported, float]:
    """Reads `source`, writes `onnx` and its card, and compares; returns what was read and the difference."""
    imported = load(source, trust)
    export_float(folded(imported), onnx, height, width)
    error = difference(imported, source, onnx)
    if error > TOLERANCE:
        Path(onnx).unlink()
        raise PosedModelsError(
            f"{source}: our network differs from it by {error:.1e} of the largest output, allowed are {TOLERANCE:.0e}: "
            "the file holds another network with the same convolutions. posed runs it as it is (docs/models.md)"
        )
    card.write(describe(imported, height, width, "float32", licence, origin or f"imported from {Path(source).name}"), onnx)
    return imported, error
