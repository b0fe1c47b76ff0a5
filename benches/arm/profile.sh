#!/bin/bash
# profile.sh MODEL.onnx CPU [--size WIDTHxHEIGHT --planes N]: instructions of one inference by function, counted by qemu-user (a log line a block
# of code: minutes). crop, overlook, peaks and boxes in place of a model: the steps beside it (README.md).
# What is counted is net/, the engine alone, built for it in NET_TARGET (/tmp/posed-net; a quarter of an hour the first time): the program that
# ships is linked as a whole and stripped. A name counts what the compiler inlined into it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) what=$1 cpu=$2
shift 2
[ -e "$what" ] && what=$(realpath "$what")
target=${NET_TARGET:-/tmp/posed-net}
CARGO_TARGET_DIR=$target "$here/../../cross/build.sh" aarch64-unknown-linux-gnu build --release --quiet --manifest-path "$here/net/Cargo.toml"
qemu-aarch64-static -cpu "$cpu" -L /usr/aarch64-linux-gnu -d exec,nochain,in_asm -D /dev/stdout \
  "$target/aarch64-unknown-linux-gnu/release/posed-net" "$what" "$@" | python3 -c '
import collections, re, sys
size, name, runs, passed, n, marker = {}, {}, collections.Counter(), 0, 0, None
for line in sys.stdin:
    if line[0] == "I":            # IN: function
        function = re.sub(r"17h[0-9a-f]{16}E|_ZN", "", line[4:].strip())
    elif line[0] == "0":          # an instruction of the block that is being translated
        if n == 0:
            start = line[2:line.index(":")].rjust(16, "0")
            name[start] = function
            if function == "marker" and marker is None: marker = start
        n += 1
    elif line[0] == "T":          # a block runs: Trace 0: host [.../guest address/...] function
        if n: size[start], n = n, 0
        i = line.index("/") + 1
        passed += line[i:i + 16] == marker
        if passed == 2: break
        if passed == 1: runs[line[i:i + 16]] += 1
total = collections.Counter()
for block, k in runs.items(): total[name[block]] += k * size[block]
print(f"{sum(total.values())} instructions")
for function, k in total.most_common(40): print(f"{k / 1e6:8.2f} M {100 * k / sum(total.values()):5.1f} %  {function[:150]}")'
