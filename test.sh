#!/bin/bash
# test.sh: installs what the tests need (Debian packages; pycocotools, motmetrics and selenium in .venv) and runs all tests.
set -euo pipefail
cd "$(dirname "$0")"
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

packages=(build-essential libclang-dev cmake ffmpeg python3-venv mosquitto openssl chromium chromium-driver)
# libjpeg-turbo's AVX2 code is written for it; on ARM it needs none.
[ "$(dpkg --print-architecture)" != amd64 ] || packages+=(nasm)
# Debian's own cargo is used where no newer one is installed.
command -v cargo >/dev/null || packages+=(cargo-web rustc-web)
if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import motmetrics, pycocotools, selenium' 2>/dev/null; then
    python3 -m venv .venv
    .venv/bin/pip install -q -r tests/eval/requirements.txt -r tests/page/requirements.txt
fi
exec cargo test --locked "$@"
