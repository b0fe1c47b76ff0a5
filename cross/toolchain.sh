#!/bin/bash
# toolchain.sh [aarch64|armv7]...: installs what cross/build.sh needs on Debian 12, x86-64 (aarch64 where nothing is named).
#
# From apt: a cross gcc with its C library, cmake for libjpeg-turbo, and libclang for bindgen. Debian's rustc-web and the standard library of the board go into a
# folder of their own, ${POSED_CACHE:-$HOME/.cache/posed-board}/xrust, so that neither rustup nor dpkg's list of architectures is touched.
# Why so: the standard library of the board then comes from apt like everything else. 15 s and 440 MB; nothing where all is there already.
# For armv7 its source comes instead, and cross/build.sh builds it: Debian's index of that architecture could not be read when this was written.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

prefix=${POSED_CACHE:-$HOME/.cache/posed-board}/xrust
packages=(cmake libllvm22 libclang1-14 libclang-common-14-dev)
architectures=()
for target in "${@:-aarch64}"; do
    case $target in
        aarch64*) architectures+=(arm64) packages+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross linux-libc-dev-arm64-cross) ;;
        armv7*) architectures+=(armhf) packages+=(gcc-arm-linux-gnueabihf libc6-dev-armhf-cross linux-libc-dev-armhf-cross) ;;
        *) echo "toolchain.sh: no target $target: give aarch64 or armv7" >&2; exit 2 ;;
    esac
done

if ! dpkg -s "${packages[@]}" >/dev/null 2>&1; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

has_std() {
    case $1 in
        arm64) [ -d "$prefix/usr/lib/rustlib/aarch64-unknown-linux-gnu/lib" ] ;;
        armhf) [ -d "$prefix/usr/lib/rustlib/src/rust/library" ] ;;
    esac
}

install_rust() {
    local version minor program package architecture
    apt-cache show rustc-web >/dev/null 2>&1 || as_root apt-get update -qq
    version=$(apt-cache policy rustc-web | awk '/Candidate:/ { print $2 }')
    minor=$(cut -d. -f1,2 <<<"$version")
    rm -rf "$prefix/debs"
    mkdir -p "$prefix/debs" "$prefix/bin"
    (cd "$prefix/debs" && apt-get -o APT::Sandbox::User=root -qq download \
        "rustc-web=$version" "libstd-rust-web-dev=$version" "libstd-rust-web-$minor=$version")
    for architecture in "$@"; do
        case $architecture in
            arm64)
                "$here/foreign-apt.sh" arm64 "$prefix/.apt" update
                (cd "$prefix/debs" && "$here/foreign-apt.sh" arm64 "$prefix/.apt" download "libstd-rust-web-dev=$version")
                ;;
            armhf) (cd "$prefix/debs" && apt-get -o APT::Sandbox::User=root -qq download "rust-web-src=$version") ;;
        esac
    done
    rm -rf "${prefix:?}/usr" "$prefix/.stamp"
    for package in "$prefix"/debs/*.deb; do dpkg -x "$package" "$prefix"; done
    if [ -d "$prefix/usr/src" ]; then # of rust-web-src, whose link to it is an absolute one
        rm -rf "$prefix/usr/lib/rustlib/src/rust"
        mkdir -p "$prefix/usr/lib/rustlib/src/rust"
        mv "$prefix"/usr/src/rustc-*/library "$prefix/usr/lib/rustlib/src/rust/"
        rm -rf "$prefix/usr/src"
    fi
    for program in rustc rustdoc; do
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s/usr/lib/x86_64-linux-gnu exec %s/usr/bin/%s "$@"\n' "$prefix" "$prefix" $program >"$prefix/bin/$program"
        chmod +x "$prefix/bin/$program"
    done
    rm -rf "$prefix/debs" "${prefix:?}/usr/share"
    "$prefix/bin/rustc" --version >"$prefix/.stamp.new"
    mv "$prefix/.stamp.new" "$prefix/.stamp"
}

whole=yes
[ -e "$prefix/.stamp" ] || whole=no
for architecture in "${architectures[@]}"; do has_std "$architecture" || whole=no; done
if [ $whole = no ]; then
    # A standard library serves only the compiler that it was made with: those that are there already are fetched again too.
    for architecture in arm64 armhf; do
        if has_std "$architecture" && [[ " ${architectures[*]} " != *" $architecture "* ]]; then architectures+=("$architecture"); fi
    done
    install_rust "${architectures[@]}"
fi
cat "$prefix/.stamp"
