#!/usr/bin/env python3
"""boot.py IMAGES DISK PAYLOAD OUT [--cut WORD]: boots the emulated board, hands it PAYLOAD (a folder), saves the screen as OUT/NAME.png
at each serial line "SCREENDUMP NAME", asks the board's port 8420 for PATH at each "FETCH METHOD PATH NAME" and saves what comes as
OUT/NAME, and gets OUT/out/ back. Success: the guest printed "BOARD TEST PASSED"; with --cut, the power was
cut at the line with WORD. Otherwise the end of the serial log is printed. DISK is the root, written to."""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request

parser = argparse.ArgumentParser()
for name in ("images", "disk", "payload", "out"):
    parser.add_argument(name)
parser.add_argument("--cut")
parser.add_argument("--limit", type=float, default=900)
args = parser.parse_args()
os.makedirs(args.out, exist_ok=True)


def at(name):
    return os.path.join(os.path.abspath(args.out), name)


subprocess.check_call(["tar", "-C", args.payload, "--owner=0", "--group=0", "-cf", at("payload.tar"), "."])
with open(at("out.img"), "wb") as f:
    f.truncate(64 << 20)
if os.path.exists(at("qmp")):
    os.unlink(at("qmp"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


port = free_port()


def disk(file, name, *more):
    drive = ",".join([f"file={file}", f"if=none,id={name}", *more])
    return ["-drive", drive, "-device", f"virtio-blk-pci,drive={name}"]


start = time.time()
board = subprocess.Popen(
    [
        "qemu-system-aarch64",
        "-M",
        "virt,gic-version=3",
        "-cpu",
        "cortex-a76",
        "-accel",
        "tcg,thread=multi",
        "-smp",
        "2",
        "-m",
        "1024",
        "-nodefaults",
        "-display",
        "none",
        "-serial",
        "stdio",
        "-no-reboot",
        "-qmp",
        f"unix:{at('qmp')},server,nowait",
        "-netdev",
        f"user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:8420",
        "-device",
        "virtio-net-pci,netdev=n,romfile=",
        "-device",
        "virtio-gpu-pci,xres=800,yres=480",
        "-kernel",
        f"{args.images}/vmlinuz",
        "-initrd",
        f"{args.images}/initrd",
        "-append",
        "console=ttyAMA0 rw mitigations=off systemd.show_status=0",
        *disk(args.disk, "r"),
        *disk(at("payload.tar"), "p", "format=raw", "readonly=on"),
        *disk(at("out.img"), "o", "format=raw"),
    ],
    stdin=subprocess.DEVNULL,
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
)
killer = threading.Timer(args.limit, board.kill)
killer.start()


def screendump(name):
    s = socket.socket(socket.AF_UNIX)
    s.connect(at("qmp"))
    f = s.makefile("rw")
    f.readline()
    for command in (
        {"execute": "qmp_capabilities"},
        {"execute": "screendump", "arguments": {"filename": at(f"{name}.png"), "format": "png"}},
    ):
        f.write(json.dumps(command) + "\n")
        f.flush()
        while "event" in json.loads(f.readline()):
            pass
    s.close()


def fetch(method, path, name):
    """From outside of the board; with the password of guest/whole.sh."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    request.add_header("Authorization", "Basic cG9zZWQ6b3BlbiBzZXNhbWU=")
    for _ in range(20):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                body = answer.read()
            break
        except OSError as error:
            print(f"{method} {path}: {error}", flush=True)
            time.sleep(3)
    else:
        return
    with open(at(name), "wb") as f:
        f.write(body)


passed = cut = False
lines = []
with open(at("serial.log"), "w") as log:
    for line in board.stdout:
        line = f"{time.time() - start:7.1f} {line.decode(errors='replace').rstrip()}"
        lines.append(line)
        print(line, file=log, flush=True)
        if re.search(r"STEP ", line):
            print(line[line.index("STEP ") :] + f" ({line[:7].strip()} s)", flush=True)
        if found := re.search(r"SCREENDUMP (\w+)", line):
            screendump(found[1])
        if found := re.search(r"FETCH (\w+) (\S+) (\S+)", line):
            threading.Thread(target=fetch, args=found.groups(), daemon=True).start()
        passed |= "BOARD TEST PASSED" in line
        if args.cut and args.cut in line:
            cut = True
            board.kill()
killer.cancel()
board.wait()
if not args.cut:
    os.makedirs(at("out"), exist_ok=True)
    subprocess.call(["tar", "-xf", at("out.img"), "-C", at("out")], stderr=subprocess.DEVNULL)
if cut if args.cut else passed:
    print(f"board: {time.time() - start:.0f} s")
    sys.exit(0)
# From the last step to the verdict: what comes after it is the shutting down.
end = next((i for i, line in enumerate(lines) if "BOARD TEST FAILED" in line), len(lines))
first = max((i for i, line in enumerate(lines[:end]) if "STEP " in line), default=0)
print("\n".join(lines[max(first, end - 80) : end + 1]))
sys.exit("board: the test did not pass; above is its serial log from the last step on")
