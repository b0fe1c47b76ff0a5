#!/bin/bash
# mca.sh RELEASE ISA KERNEL CPU...: instructions a product (every one that a call executes, traced by qemu) and cycles a product (the same trace
# through llvm-mca: first-level cache, branches foretold). KERNEL is pixels:k:n or channels:height:width:stride; ISA is neon or dot.
# RELEASE is the folder with libposed.rlib that the cross build left: what is traced is what ships.
# Takes from the environment: RUSTC (one with the standard library of aarch64-unknown-linux-gnu), MCA (llvm-mca 19), KEEP (a file for the trace).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) RELEASE=$(realpath "$1") isa=$2 kernel=$3; shift 3
t=$(mktemp -d); trap 'rm -r "$t"' EXIT
work=${WORK:-$t}; mkdir -p "$work"; exe=$work/one
if [ ! -e "$exe.asm" ] || [ -n "$(find "$here/one.rs" "$RELEASE/libposed.rlib" -newer "$exe.asm" | head -1)" ]; then
  libraries=()
  for d in "$RELEASE"/build/tract-linalg-*/out; do libraries+=(-L "native=$d"); done
  "${RUSTC:-rustc}" --edition 2024 -O -g -A warnings --target aarch64-unknown-linux-gnu -C linker=aarch64-linux-gnu-gcc \
    -C target-feature=+crt-static -C relocation-model=static "$here/one.rs" --extern posed="$RELEASE/libposed.rlib" \
    -L dependency="$RELEASE/deps" -L dependency="$RELEASE/../../release/deps" "${libraries[@]}" -o "$exe"
  llvm-objdump -d --no-show-raw-insn --mattr=+dotprod "$exe" >"$exe.asm"
fi
products=$(qemu-aarch64-static -cpu cortex-a76 -singlestep -d exec,nochain -D "$t/log" "$exe" "$isa" "$kernel" | awk '{print $1}')
python3 - "$exe.asm" "$t/log" "$t/trace.s" <<'P'
import re, sys
code, marker = {}, None
for line in open(sys.argv[1]):
    m = re.match(r'\s*([0-9a-f]+):\s+(\S+)\s*(.*)', line)
    if m:
        args = re.sub(r'\s*(//|;).*|\s*<.*', '', m[3])
        if re.match(r'(b|bl|b\..*|cbn?z|tbn?z|adrp?)$', m[2]): args = re.sub(r'(0x)?[0-9a-f]+$', '#0', args)
        code[int(m[1], 16)] = m[2] + ' ' + args
    elif line.endswith('<marker>:\n'): marker = int(line.split()[0], 16)
seen, out = 0, open(sys.argv[3], 'w')
for line in open(sys.argv[2]):
    m = re.match(r'Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/', line)
    if not m: continue
    pc = int(m[1], 16)
    seen += pc == marker
    if seen == 1 and pc in code: out.write(code[pc] + '\n')
P
[ -z "${KEEP:-}" ] || cp "$t/trace.s" "$KEEP"
n=$(wc -l <"$t/trace.s"); echo "$isa $kernel: $n instructions, $products products, $(awk "BEGIN{printf \"%.4f\", $n/$products}") a product"
for cpu in "$@"; do
  "${MCA:-llvm-mca}" -mtriple=aarch64 -mcpu="$cpu" -mattr=+dotprod -iterations=1 -instruction-info=0 -resource-pressure=0 "$t/trace.s" 2>"$t/err" |
    awk -v p="$products" -v cpu="$cpu" '/Total Cycles/{printf "  %s: %d cycles, %.4f a product, %.2f products a cycle\n", cpu, $3, $3/p, p/$3}'
  grep -v -e "^warning: found a" -e "^note: program counter" -e "^note: call instr" "$t/err" | head -3 || true
done
