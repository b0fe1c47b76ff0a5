"""Proof that an ONNX of ours computes what its source does.

In: somebody's weights: .pth (official, mmpose, mmsegmentation), .pt (ours), .npz, float .onnx or OpenVINO .xml. Out:
NAME.onnx and NAME.toml, written only if they are equal to the source.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from posed_models.check import card
from posed_models.check.session import Session
from posed_models.errors import PosedModelsError
from posed_models.nets.checkpoint import Imported
from posed_models.nets.export import export_float
from posed_models.nets.foreign import SUFFIXES
from posed_models.nets.importing import folded, load
from posed_models.nets.openvino_graph import OpenVinoSession

TOLERANCE = 1e-5
"""The most by which an imported network may differ from its source, as a share of the largest output."""


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
    card.write(card.describe(imported, height, width, "float32", licence, origin or f"imported from {Path(source).name}"), onnx)
    return imported, error
