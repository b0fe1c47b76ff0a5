#!/usr/bin/env python3
"""page.py POSED [--rounds 5] [--seconds 10]: what somebody who looks at the page costs.

Runs `posed run` on a photo that is shown faster than it can be looked at, in turn with nobody looking and with a browser's three
streams read (pictures, lines, explanations), and prints the frames a second of each round, their medians, and the median of the pairs' ratios.
"""

import argparse
import json
import pathlib
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

CONFIG = """
[source]
kind = "photo"
path = "{photo}"
fps = 200
[pose.hands_together]
when = "left_wrist near right_wrist within 0.4"
[publish.page]
kind = "web"
listen = "127.0.0.1:{port}"
"""
REPOSITORY = pathlib.Path(__file__).parent.parent


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def state(base):
    with urllib.request.urlopen(base + "/state", timeout=10) as answer:
        return json.load(answer)


def rate(base, seconds):
    start, before = time.monotonic(), state(base)["frames"]
    time.sleep(seconds)
    return (state(base)["frames"] - before) / (time.monotonic() - start)


def read(base, path, stop):
    with urllib.request.urlopen(base + path, timeout=30) as stream:
        while not stop.is_set():
            stream.read1(1 << 16)


def looked_at(base, seconds):
    stop = threading.Event()
    paths = ["/stream.mjpg", "/lines", "/why"]
    readers = [threading.Thread(target=read, args=(base, path, stop)) for path in paths]
    for reader in readers:
        reader.start()
    time.sleep(0.5)
    result = rate(base, seconds)
    stop.set()
    for reader in readers:
        reader.join()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("posed")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10)
    args = parser.parse_args()
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "posed.toml"
        config.write_text(CONFIG.format(photo=REPOSITORY / "photos/basketball.jpg", port=port))
        posed = subprocess.Popen([args.posed, "run", "--config", str(config)], stderr=subprocess.DEVNULL, cwd=REPOSITORY)
        try:
            for _ in range(100):
                try:
                    if state(base)["frames"] > 20:
                        break
                except OSError:
                    pass
                time.sleep(0.1)
            alone, watched = [], []
            for _ in range(args.rounds):
                alone.append(rate(base, args.seconds))
                watched.append(looked_at(base, args.seconds))
                print(f"alone {alone[-1]:.2f}, looked at {watched[-1]:.2f} frames a second", flush=True)
                time.sleep(0.5)
        finally:
            posed.terminate()
            posed.wait()
    a, w = statistics.median(alone), statistics.median(watched)
    paired = statistics.median(w / a for a, w in zip(alone, watched, strict=True))
    print(f"medians {a:.2f} and {w:.2f} frames a second; median of the pairs: {100 * (1 - paired):.1f} % less")


if __name__ == "__main__":
    main()
