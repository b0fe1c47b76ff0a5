"""Somebody's weights, whatever file they are in.

In: .pth (official, mmpose, mmsegmentation), .pt (ours), .npz, float .onnx or OpenVINO .xml. Out: [`Imported`].
"""

from __future__ import annotations

import copy
from pathlib import Path

from posed_models.nets import checkpoint
from posed_models.nets.blocks import fold_bn
from posed_models.nets.checkpoint import Imported
from posed_models.nets.foreign import SUFFIXES, load_export
from posed_models.nets.lite_hrnet import LiteHRNet


def load(path: str | Path, trust: bool = False) -> Imported:
    """Any of the files named above. `trust`: see checkpoint.py."""
    if Path(path).suffix in SUFFIXES:
        return load_export(path)
    return checkpoint.load(path, trust)


def folded(imported: Imported) -> LiteHRNet:
    """The network with its batch norms in its convolutions; `imported` is left as it is."""
    return imported.net if imported.folded else fold_bn(copy.deepcopy(imported.net))
