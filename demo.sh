#!/bin/bash
# demo.sh [DIR]: installs what is needed, builds posed, and finds the people on the bundled photos. JSON lines on stdout, pictures in DIR (out).
set -euo pipefail
cd "$(dirname "$0")"
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

packages=(build-essential libclang-dev cmake)
# libjpeg-turbo's AVX2 code is written for it; on ARM it needs none.
[ "$(dpkg --print-architecture)" != amd64 ] || packages+=(nasm)
command -v cargo >/dev/null || packages+=(cargo-web rustc-web)
if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
    as_root apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi
# The dev profile is optimised too; the release profile takes three times as long to build, for a smaller program.
cargo build --locked >&2
./target/debug/posed image photos/*.jpg -o "${1:-out}"
