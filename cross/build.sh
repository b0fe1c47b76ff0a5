#!/bin/bash
# build.sh TARGET [CARGO ARGUMENTS...]: cargo with the toolchain of cross/toolchain.sh; without arguments `build --release --locked`.
#
#     cross/toolchain.sh aarch64
#     cross/build.sh aarch64-unknown-linux-gnu
#     cross/build.sh aarch64-unknown-linux-gnu test --locked     # the tests run in qemu-user (apt: qemu-user-static)
#
# The result is target/TARGET/release/posed and wants glibc 2.35 or newer (hypot): Debian 12, Raspberry Pi OS bookworm, Ubuntu 22.04. A release
# build takes 10 minutes on two cores the first time. Linker and runner stand in .cargo/config.toml.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?give a target: aarch64-unknown-linux-gnu or armv7-unknown-linux-gnueabihf}
shift
case $target in
    aarch64-unknown-linux-gnu) gnu=aarch64-linux-gnu ;;
    armv7-unknown-linux-gnueabihf) gnu=arm-linux-gnueabihf ;;
    *) echo "build.sh: no target $target: give aarch64-unknown-linux-gnu or armv7-unknown-linux-gnueabihf" >&2; exit 2 ;;
esac

prefix=${POSED_CACHE:-$HOME/.cache/posed-board}/xrust
"$here/toolchain.sh" "${target%%-*}" >/dev/null
export RUSTC=$prefix/bin/rustc RUSTDOC=$prefix/bin/rustdoc
name=${target//-/_}
export "CC_$name=$gnu-gcc" "BINDGEN_EXTRA_CLANG_ARGS_$name=--sysroot=/usr/$gnu -I/usr/$gnu/include"
standard_library=()
if [ ! -d "$prefix/usr/lib/rustlib/$target/lib" ]; then
    export RUSTC_BOOTSTRAP=1 # -Z on a stable compiler
    standard_library=("-Zbuild-std=std,panic_unwind")
fi
[ $# -gt 0 ] || set -- build --release --locked
cd "$here/.."
exec cargo "$1" "${standard_library[@]}" --target "$target" "${@:2}"
