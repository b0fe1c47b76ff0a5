"""Regenerates every golden file of tests/golden with OpenCV and ONNX Runtime.

In:  photos/*.jpg and models/{wider_naive_lite_hrnet_18,lite_hrnet_18}_f32.onnx, from the repository root:
     python tests/golden/make_golden.py [--models DIR]
     needs numpy, onnxruntime and opencv-python-headless (last run with 2.4.6, 1.32.0 and 5.0.0.93)
Out, beside this script:
     frame.png, frame.yuyv, frame.nv12   160x120 around a face: RGB and the same picture as a camera sends it
                                         (BT.601 limited range; each raw frame is one of crops.json's sources)
     crops.json                          three boxes [x, y, w, h] in frame pixels, and their padded regions
     crop_{rgb,yuyv,nv12}_{0,1,2}.png    the reference crop of each box, 192 wide, 256 high, RGB
     keypoints.json                      per model, photo and box: 17 rows [x, y, score], x and y in photo pixels
     heatmaps_basketball_left.f16        wider_naive's heatmaps of the left man, little-endian float16, 17x64x48
     heatmaps_basketball_left.json       what DARK makes of that file: 17 rows [x, y, score], x and y in crop pixels

The arithmetic behind the crops, all of it found equal bit for bit (OpenCV 5.0.0.93, x86 with FMA):
     colour   20-bit fixed point: y = 1220542·max(Y-16, 0), u = U-128, v = V-128, then (y + 2^19 + c) >> 20 clamped to
              0..255 with c = 1673527·v for red, -852492·v - 409993·u for green, 2116026·u for blue;
              chroma is repeated, never interpolated
     warp     float32: the inverse mapping image = a·crop + b is computed in float64 and rounded to float32;
              sx = fma(a_x, x, b_x); sy = (a_y·y) + b_y with two roundings; ix = floor(sx), fx = sx - ix, likewise y;
              top = fma(fx, p01 - p00, p00), bottom = fma(fx, p11 - p10, p10), fma(fy, bottom - top, top),
              rounded half to even; each of the four neighbours outside the picture counts as 0.
              Without fused multiply-add a few pixels in 100,000 differ, by 1. OpenCV before this kernel worked in
              fixed point (1/32 pixel) and differs by up to 4.
"""

import argparse
import json
import re
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
PHOTOS = HERE.parents[1] / "photos"
CROP_W, CROP_H, CELL = 192, 256, 4
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
FRAME = (150, 70, 160, 120)  # x, y, w, h of the frame in astronaut.jpg
CROP_BOXES = [(48, 26, 52, 70), (-25, -20, 215, 170), (70.3, 42.6, 11.5, 9.25)]  # inside, beyond all borders, magnified
MODELS = ["wider_naive_lite_hrnet_18_f32", "lite_hrnet_18_f32"]
PERSONS = {
    "astronaut": {"whole": (0, 0, 512, 512), "person": (22, 14, 346, 498)},
    "cameraman": {"whole": (0, 0, 512, 512), "person": (0, 62, 334, 450)},
    "basketball": {"whole": (0, 0, 640, 480), "left": (34, 76, 152, 404), "right": (434, 20, 206, 460)},
}

Box = tuple[float, float, float, float]


def padded(box: Box) -> Box:
    """Centre and size (cx, cy, w, h) of the region a box is cropped from: grown to aspect 3:4, then by 1.25."""
    x, y, w, h = box
    side = max(w / CROP_W, h / CROP_H) * 1.25
    return x + w / 2, y + h / 2, side * CROP_W, side * CROP_H


def crop(image: np.ndarray, box: Box) -> np.ndarray:
    """The 256x192x3 crop of a box; what lies outside the image is black."""
    cx, cy, w, h = padded(box)
    sx, sy = CROP_W / w, CROP_H / h
    m = np.array([[sx, 0, CROP_W / 2 - cx * sx], [0, sy, CROP_H / 2 - cy * sy]])
    return cv2.warpAffine(image, m, (CROP_W, CROP_H), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


def yuv(rgb: np.ndarray) -> np.ndarray:
    """RGB to YUV 4:4:4, BT.601 limited range, float64 and not yet rounded."""
    m = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255
    return rgb @ m.T + [16, 128, 128]


def to_yuyv(rgb: np.ndarray) -> np.ndarray:
    """RGB to YUYV, HxWx2: luma, then U and V in turn, each the mean of two neighbours."""
    p = yuv(rgb)
    chroma = p[:, :, 1:].reshape(len(p), -1, 2, 2).mean(2).reshape(len(p), -1)
    return np.rint(np.stack([p[:, :, 0], chroma], 2)).astype(np.uint8)


def to_nv12(rgb: np.ndarray) -> np.ndarray:
    """RGB to NV12, (H·3/2)xW: the luma plane, then U V pairs, each the mean of 2x2 pixels."""
    p = yuv(rgb)
    h, w = rgb.shape[:2]
    chroma = p[:, :, 1:].reshape(h // 2, 2, w // 2, 2, 2).mean((1, 3)).reshape(h // 2, w)
    return np.rint(np.concatenate([p[:, :, 0], chroma])).astype(np.uint8)


def blurred(heatmap: np.ndarray) -> np.ndarray:
    """11x11 Gaussian (sigma 2) over a heatmap surrounded by zeros, scaled back to the old maximum."""
    wide = cv2.GaussianBlur(np.pad(heatmap, 5), (11, 11), 0)
    inner = wide[5:-5, 5:-5]
    return inner * (heatmap.max() / inner.max())


def dark(heatmaps: np.ndarray) -> np.ndarray:
    """17x64x48 heatmaps to 17x3: x and y in crop pixels, and the raw maximum as score.

    Zhang et al., Distribution-Aware Coordinate Representation, CVPR 2020, section 3.2: at the highest cell of the
    raw heatmap one Newton step on the logarithm of the blurred one. Derivatives are central differences of step 1,
    so the pure second ones reach two cells far. Cells near the border and non-positive heatmaps are left as found.
    """
    rows = []
    for raw in heatmaps.astype(np.float32):
        cy, cx = np.unravel_index(raw.argmax(), raw.shape)
        at = np.array([cx, cy], np.float64)
        if raw.max() > 0 and 1 < cx < raw.shape[1] - 2 and 1 < cy < raw.shape[0] - 2:
            n = np.log(np.maximum(blurred(raw), 1e-10))[cy - 2 : cy + 3, cx - 2 : cx + 3].astype(np.float64)
            slope = np.array([n[2, 3] - n[2, 1], n[3, 2] - n[1, 2]]) / 2
            mixed = (n[3, 3] - n[1, 3] - n[3, 1] + n[1, 1]) / 4
            bend = np.array([[(n[2, 4] - 2 * n[2, 2] + n[2, 0]) / 4, mixed], [mixed, (n[4, 2] - 2 * n[2, 2] + n[0, 2]) / 4]])
            if bend[0, 0] * bend[1, 1] - mixed**2 != 0:
                at -= np.linalg.solve(bend, slope)
        rows.append([*(at * CELL), raw.max()])
    return np.array(rows)


def heatmaps_of(session: onnxruntime.InferenceSession, rgb_crop: np.ndarray) -> np.ndarray:
    """Runs a float model on one 256x192x3 crop; returns 17x64x48."""
    x = ((rgb_crop.astype(np.float32) / 255 - MEAN) / STD).transpose(2, 0, 1)[None]
    return session.run(None, {session.get_inputs()[0].name: x})[0][0]


def to_image(rows: np.ndarray, box: Box) -> np.ndarray:
    """Keypoints from crop pixels to image pixels."""
    cx, cy, w, h = padded(box)
    return np.stack([(rows[:, 0] - CROP_W / 2) * w / CROP_W + cx, (rows[:, 1] - CROP_H / 2) * h / CROP_H + cy, rows[:, 2]], 1)


def rounded(rows: np.ndarray) -> list[list[float]]:
    return [[round(float(x), 3), round(float(y), 3), round(float(s), 5)] for x, y, s in rows]


def write_png(name: str, rgb: np.ndarray) -> None:
    cv2.imwrite(str(HERE / name), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def write_json(name: str, value: object) -> None:
    """JSON with one line per innermost list, so that a changed file can be read in a diff."""
    text = re.sub(
        r"\[[^][{}]*\]", lambda m: " ".join(m[0].split()).replace("[ ", "[").replace(" ]", "]"), json.dumps(value, indent=1)
    )
    (HERE / name).write_text(text + "\n")


def photo(name: str) -> np.ndarray:
    """A photo as RGB. Also written without loss, so that the test sees the same pixels whatever its JPEG decoder."""
    bgr = cv2.imread(str(PHOTOS / f"{name}.jpg"), cv2.IMREAD_COLOR)
    is_grey = (bgr[..., 0] == bgr[..., 1]).all() and (bgr[..., 1] == bgr[..., 2]).all()
    cv2.imwrite(str(HERE / f"pixels_{name}.png"), bgr[..., 0] if is_grey else bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def make_crops() -> None:
    x, y, w, h = FRAME
    rgb = np.ascontiguousarray(photo("astronaut")[y : y + h, x : x + w])
    yuyv, nv12 = to_yuyv(rgb), to_nv12(rgb)
    write_png("frame.png", rgb)
    yuyv.tofile(HERE / "frame.yuyv")
    nv12.tofile(HERE / "frame.nv12")
    sources = {"rgb": rgb, "yuyv": cv2.cvtColor(yuyv, cv2.COLOR_YUV2RGB_YUYV), "nv12": cv2.cvtColor(nv12, cv2.COLOR_YUV2RGB_NV12)}
    for kind, image in sources.items():
        for i, box in enumerate(CROP_BOXES):
            write_png(f"crop_{kind}_{i}.png", crop(image, box))
    boxes = [{"box": box, "padded_cx_cy_w_h": padded(box)} for box in CROP_BOXES]
    write_json("crops.json", {"frame": [w, h], "crop": [CROP_W, CROP_H], "boxes": boxes})


def make_keypoints(models: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    entries = []
    for model in MODELS:
        session = onnxruntime.InferenceSession(str(models / f"{model}.onnx"), options, providers=["CPUExecutionProvider"])
        for name, boxes in PERSONS.items():
            for which, box in boxes.items():
                heatmaps = heatmaps_of(session, crop(photo(name), box))
                rows = to_image(dark(heatmaps), box)
                entries.append(
                    {"model": model, "photo": f"{name}.jpg", "box_name": which, "box": box, "keypoints": rounded(rows)}
                )
                if (model, name, which) == (MODELS[0], "basketball", "left"):
                    half = heatmaps.astype("<f2")
                    half.tofile(HERE / "heatmaps_basketball_left.f16")
                    write_json("heatmaps_basketball_left.json", rounded(dark(half)))
    write_json("keypoints.json", entries)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=HERE.parents[1] / "models")
    make_crops()
    make_keypoints(parser.parse_args().models)
