"""What cameras in rooms see: other persons in view, things in front of them, far persons, bad light, motion, compression.

In: crops, H x W x 3 bytes each. Out: new ones. For a teacher that looks at the result (training/native/match.py), and says what
of a hidden person can still be known.
"""

from __future__ import annotations

import cv2
import numpy as np

NEIGHBOUR, OBSTACLE, FAR, MOTION, DARK, COMPRESSED = 0.2, 0.2, 0.15, 0.12, 0.15, 0.25
"""The share of the crops that each happens to."""


def paste(crop: np.ndarray, other: np.ndarray, random: np.random.Generator, beside: bool) -> None:
    """Puts an oval part of another crop into this one: the person, `beside`, or a small piece anywhere as an obstacle."""
    height, width, _ = crop.shape
    share = (0.35, 0.6) if beside else (0.15, 0.4)
    tall = int(height * random.uniform(*((0.6, 1.0) if beside else (0.12, 0.4))))
    wide = int(width * random.uniform(*share))
    zoom = random.uniform(0.7, 1.3)
    from_tall, from_wide = min(height, int(tall / zoom)), min(width, int(wide / zoom))
    top, left = (height - from_tall) // 2, (width - from_wide) // 2
    if not beside:
        top, left = int(random.integers(height - from_tall + 1)), int(random.integers(width - from_wide + 1))
    piece = cv2.resize(other[top : top + from_tall, left : left + from_wide], (wide, tall), interpolation=cv2.INTER_LINEAR)
    y = int(random.integers(height - tall + 1))
    x = int(random.integers(width - wide + 1))
    if beside:  # from the left or from the right, a part of it outside
        out = int(wide * random.uniform(0.0, 0.6))
        piece = piece[:, out:] if random.random() < 0.5 else piece[:, : wide - out]
        wide = piece.shape[1]
        x = 0 if random.random() < 0.5 else width - wide
    mask = np.zeros((tall, wide), np.uint8)
    cv2.ellipse(mask, (wide // 2, tall // 2), (max(wide // 2, 1), max(tall // 2, 1)), 0, 0, 360, 255, -1)
    np.copyto(crop[y : y + tall, x : x + wide], piece, where=mask[..., None] > 0)


def far(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """As a camera sees a person two to five times as far away as the crop has pixels for."""
    height, width, _ = crop.shape
    times = random.uniform(2, 5)
    small = cv2.resize(crop, (int(width / times), int(height / times)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))


def moved(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Blurred along a line of 3 to 13 pixels."""
    length, angle = random.uniform(3, 13), random.uniform(0, np.pi)
    side = int(length) | 1
    kernel = np.zeros((side, side), np.float32)
    reach = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    middle = side // 2
    ends = np.rint([middle - reach, middle + reach]).astype(int).clip(0, side - 1)
    cv2.line(kernel, tuple(map(int, ends[0])), tuple(map(int, ends[1])), 1.0)
    return np.asarray(cv2.filter2D(crop, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE))


def darkened(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """In little light, of some colour, with the noise of a sensor that counts few photons, brightened again in part."""
    light = random.uniform(0.05, 0.4)
    photons = crop.astype(np.float32) * (light * random.uniform(0.8, 1.2, 3)).astype(np.float32)
    photons += random.standard_normal(photons.shape, np.float32) * np.sqrt(photons + 1) * np.float32(random.uniform(0.1, 0.6))
    return (photons * np.float32(random.uniform(1, 0.6 / light + 1))).clip(0, 255).astype(np.uint8)


def compressed(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Through JPEG of quality 8 to 50."""
    coded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(8, 51))])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))


def blurred(crop: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Perhaps far, moved, dark, compressed."""
    for share, change in ((FAR, far), (MOTION, moved), (DARK, darkened), (COMPRESSED, compressed)):
        if random.random() < share:
            crop = change(crop, random)
    return crop


def disturb(crops: list[np.ndarray], random: np.random.Generator) -> list[np.ndarray]:
    """Each crop as it might be seen in a room; neighbours and obstacles are parts of the other crops as they come."""
    out = []
    for crop in crops:
        crop = crop.copy()
        for share, beside in ((NEIGHBOUR, True), (OBSTACLE, False)):
            if random.random() < share:
                paste(crop, crops[random.integers(len(crops))], random, beside)
        out.append(blurred(crop, random))
    return out
