#!/bin/bash
# test.sh TARGET [CARGO TEST ARGUMENTS...]: the tests, built for a board by cross/build.sh and run under qemu-user; without arguments all of
# them. The program that they start runs there too, for which the kernel is told of qemu (binfmt.sh): needs root.
#
#     cross/test.sh aarch64-unknown-linux-gnu
#     cross/test.sh armv7-unknown-linux-gnueabihf --lib --test engine_hash
#
# Left out: what needs a kernel's ioctl for cameras, which qemu-user does not pass on; what waits for an inference within parts of a second,
# where it takes seconds (both are in tests/board); and 230 frames without an allocation, a quarter of an hour there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?give a target: aarch64-unknown-linux-gnu or armv7-unknown-linux-gnueabihf}
shift
case $target in
    aarch64-*) qemu=aarch64 gnu=aarch64-linux-gnu ;;
    armv7-*) qemu=arm gnu=arm-linux-gnueabihf ;;
    *) echo "test.sh: no target $target: give aarch64-unknown-linux-gnu or armv7-unknown-linux-gnueabihf" >&2; exit 2 ;;
esac
if ! dpkg -s qemu-user-static >/dev/null 2>&1; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user-static >/dev/null
fi
"$here/binfmt.sh" $qemu
export QEMU_LD_PREFIX=/usr/$gnu
left_out=(what_is_no_camera truncated_jpegs_short a_camera_that_stalls a_camera_that_vanishes a_stage_that_hangs allocates_nothing)
[ $# -gt 0 ] || set -- --tests
exec "$here/build.sh" "$target" test --locked "$@" -- "${left_out[@]/#/--skip=}"
