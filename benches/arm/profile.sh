#!/bin/bash
# profile.sh RELEASE MODEL.onnx CPU: instructions of one inference by function, counted by qemu-user (a log line a block of code: minutes).
# RELEASE is the folder with libposed.rlib that the cross build left (…/aarch64-unknown-linux-gnu/release); RUSTC is the rustc of that build.
# A name counts what the compiler inlined into it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) release=$(realpath "$1") t=$(mktemp -d); trap 'rm -r "$t"' EXIT
libraries=()
for d in "$release"/build/tract-linalg-*/out; do libraries+=(-L "native=$d"); done
"${RUSTC:-rustc}" --edition 2024 -O "$here/net.rs" --target aarch64-unknown-linux-gnu -C linker=aarch64-linux-gnu-gcc \
  -C target-feature=+crt-static -C relocation-model=static --extern posed="$release/libposed.rlib" \
  -L dependency="$release/deps" -L dependency="$release/../../release/deps" \
  "${libraries[@]}" -o "$t/net"
qemu-aarch64-static -cpu "$3" -d exec,nochain,in_asm -D /dev/stdout "$t/net" "$2" | python3 -c '
import collections, sys
size, name, runs, passed, n, marker = {}, {}, collections.Counter(), 0, 0, None
for line in sys.stdin:
    if line[0] == "I":            # IN: function
        function = line[4:].strip()
    elif line[0] == "0":          # an instruction of the block that is being translated
        if n == 0:
            start = line[2:10].rjust(16, "0")
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
for function, k in total.most_common(30): print(f"{k / 1e6:8.2f} M {100 * k / sum(total.values()):5.1f} %  {function}")'
