#!/usr/bin/env python3
"""screen.py DUMP.png card: the card of `posed display --test` is there, to the outermost pixels.
screen.py DUMP.png plain: all is the grey of the console in guest/screens.sh.
screen.py DUMP.png GOLDEN.json: the skeleton stands where onnxruntime's keypoints are (tests/golden). The photo is grey, so that any colour is
ours: blue on the right side of the body, orange on the left. The screen is 800x480, the picture 640x480 in its middle."""

import json
import struct
import sys
import zlib

BLUE, ORANGE, X0, NEAR = (86, 180, 233), (230, 159, 0), 80, 6


def png(path):
    data = open(path, "rb").read()
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (depth, colour) in ((8, 2), (8, 6)), (depth, colour)
            n = 3 if colour == 2 else 4
        packed += body if kind == b"IDAT" else b""
        at += size + 12
    raw, rows, last = zlib.decompress(packed), [], bytearray(width * n)
    for y in range(height):
        kind, row = raw[y * (width * n + 1)], bytearray(raw[y * (width * n + 1) + 1 : (y + 1) * (width * n + 1)])
        for i in range(len(row)):
            a, b, c = (row[i - n] if i >= n else 0), last[i], (last[i - n] if i >= n else 0)
            p = a + b - c
            paeth = a if abs(p - a) <= min(abs(p - b), abs(p - c)) else b if abs(p - b) <= abs(p - c) else c
            row[i] = (row[i] + (0, a, b, (a + b) // 2, paeth)[kind]) % 256
        rows.append(row)
        last = row
    assert (width, height) == (800, 480), (width, height)
    return lambda x, y: tuple(rows[y][x * n : x * n + 3])


pixel = png(sys.argv[1])
everywhere = [(x, y) for y in range(480) for x in range(800)]
if sys.argv[2] == "plain":
    others = {pixel(*at) for at in everywhere} - {(170, 170, 170)}
    assert not others, f"{sys.argv[1]}: not the console's grey: {list(others)[:5]}"
    sys.exit()
if sys.argv[2] == "card":
    edge = [at for at in everywhere if at[0] in (0, 799) or at[1] in (0, 479)]
    wrong = [at for at in edge if pixel(*at) != (240, 228, 66)]
    assert not wrong, f"the line around the card: {wrong[:5]}"
    # White, yellow, cyan, green, magenta, red, blue, black from the left.
    bars = [pixel(2 + 796 * (2 * i + 1) // 16, 110) for i in range(8)]
    wanted = [tuple(255 * (c in colour) for c in "rgb") for colour in ("rgb", "rg", "gb", "g", "rb", "r", "b", "")]
    assert bars == wanted, bars
    sys.exit()
golden = next(g for g in json.load(open(sys.argv[2])) if g["photo"] == "basketball.jpg" and g["box_name"] == "left")
found = []
for joint, (x, y, score) in enumerate(golden["keypoints"]):
    if joint < 5 or score < 0.5:  # the face's are too near to one another
        continue
    wanted = ORANGE if joint % 2 else BLUE
    around = [(int(x) + X0 + dx, int(y) + dy) for dx in range(-NEAR, NEAR + 1) for dy in range(-NEAR, NEAR + 1)]
    hits = sum(max(abs(a - b) for a, b in zip(pixel(*at), wanted, strict=True)) < 24 for at in around)
    found.append((joint, hits))
missing = [joint for joint, hits in found if hits < 8]
assert len(found) >= 8, f"too few sure joints to check: {found}"
assert not missing, f"no joint of the right colour within {NEAR} px of the golden one: {missing} of {found}"
print(f"screen: {len(found)} joints where they belong")
