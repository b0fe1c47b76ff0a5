#!/bin/bash
# mca.sh ISA KERNEL CPU...: instructions, loads and stores a product (every one that a call executes, traced by qemu) and cycles a product (the same trace
# through llvm-mca: first-level cache, branches foretold); of the row kernels, a number in place of a product. ISA is neon or dot, KERNEL as
# net/src/kernel.rs has it: multiply:PIXELS:K:N, depthwise:CHANNELS:HEIGHT:WIDTH:STRIDE, wide:CHANNELS:HEIGHT:WIDTH, and round, silu, gate and
# land with NUMBERS:CHANNELS. What is traced is net/, built as for profile.sh.
# Takes from the environment: NET_TARGET, MCA (llvm-mca 19), KEEP (a file for the trace).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) isa=$1 kernel=$2; shift 2
t=$(mktemp -d); trap 'rm -r "$t"' EXIT
target=${NET_TARGET:-/tmp/posed-net}
CARGO_TARGET_DIR=$target "$here/../../cross/build.sh" aarch64-unknown-linux-gnu build --release --quiet --manifest-path "$here/net/Cargo.toml"
exe=$target/aarch64-unknown-linux-gnu/release/posed-net
[ "$exe.asm" -nt "$exe" ] || llvm-objdump -d --no-show-raw-insn --mattr=+dotprod "$exe" >"$exe.asm"
products=$(qemu-aarch64-static -cpu cortex-a76 -L /usr/aarch64-linux-gnu -singlestep -d exec,nochain -D "$t/log" "$exe" kernel "$isa" "$kernel" | awk '{print $1}')
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
seen, base, out = 0, None, open(sys.argv[3], 'w')
for line in open(sys.argv[2]):
    m = re.match(r'Trace \d+: \S+ \[[0-9a-f]+/([0-9a-f]+)/.*\] (\S*)', line)
    if not m: continue
    pc = int(m[1], 16)
    # The program lies anywhere: where its marker runs says where.
    if base is None and m[2] == 'marker': base = pc - marker
    if base is None: continue
    seen += pc == base + marker
    if seen == 1 and pc - base in code: out.write(code[pc - base] + '\n')
P
[ -z "${KEEP:-}" ] || cp "$t/trace.s" "$KEEP"
n=$(wc -l <"$t/trace.s")
each() { awk "BEGIN{printf \"%.4f\", $1/$products}"; }
echo "$isa $kernel: $n instructions, $products products or numbers, $(each "$n") each; $(each "$(grep -c '^ld' "$t/trace.s")") loads," \
  "$(each "$(grep -c '^st' "$t/trace.s")") stores"
for cpu in "$@"; do
  "${MCA:-llvm-mca}" -mtriple=aarch64 -mcpu="$cpu" -mattr=+dotprod -iterations=1 -instruction-info=0 -resource-pressure=0 "$t/trace.s" 2>"$t/err" |
    awk -v p="$products" -v cpu="$cpu" '/Total Cycles/{printf "  %s: %d cycles, %.4f each, %.2f a cycle\n", cpu, $3, $3/p, p/$3}'
  grep -v -e "^warning: found a" -e "^note: program counter" -e "^note: call instr" "$t/err" | head -3 || true
done
