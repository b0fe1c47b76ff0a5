"""The joints of the two data sets, in their own order, with what training and evaluation need to know of them.

Left and right are the person's. Names are those that posed's rules and drawing know (docs/models.md).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Skeleton:
    """Names in the network's order; `mirror[i]`: the joint that joint i becomes in a mirrored picture."""

    names: tuple[str, ...]
    sigmas: tuple[float, ...]
    """OKS: the standard deviation with which people mark each joint, a share of the person's size (COCO's constants)."""
    upper: tuple[int, ...]
    """Joints of the upper body; the others are the lower one (half-body augmentation)."""

    @property
    def mirror(self) -> list[int]:
        swap = {"left": "right", "right": "left"}
        place = {name: i for i, name in enumerate(self.names)}
        return [place["_".join(swap.get(part, part) for part in name.split("_"))] for name in self.names]


COCO_17 = Skeleton(
    names=(
        "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
        "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
        "right_ankle",
    ),
    sigmas=(
        0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087,
        0.089, 0.089,
    ),
    upper=tuple(range(11)),
)  # fmt: skip

MPII_16 = Skeleton(
    names=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax",
        "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
        "left_wrist",
    ),
    sigmas=(
        0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.107, 0.079, 0.079, 0.026, 0.062, 0.072, 0.079, 0.079, 0.072, 0.062,
    ),
    upper=(7, 8, 9, 10, 11, 12, 13, 14, 15),
)  # fmt: skip

SKELETONS = {17: COCO_17, 16: MPII_16}
