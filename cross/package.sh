#!/bin/bash
# package.sh [TARGET]: makes target/debian/posed_VERSION_ARCHITECTURE.deb; without TARGET for this machine.
#
#     cross/package.sh aarch64-unknown-linux-gnu
#     POSED_NO_BUILD=1 cross/package.sh aarch64-unknown-linux-gnu    # packages target/TARGET/release/posed as it lies there
#
# Man pages and completions come from the program's own command line (examples/man_and_completions.rs, run here), the program from
# cross/build.sh, the package from cargo-deb (pinned, put into .tools; 3 minutes once). Cold 20 minutes on two cores.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo_deb=3.8.0
host=$(rustc -vV | sed -n 's/^host: //p')
target=${1:-$host}
pages=target/package

if ! .tools/bin/cargo-deb --version 2>/dev/null | grep -qx "\(cargo-deb \)\?$cargo_deb"; then
    cargo install cargo-deb --version $cargo_deb --locked --quiet --root .tools
fi

if [ -z "${POSED_NO_BUILD:-}" ] || [ ! -e $pages/posed.1 ]; then
    rm -rf $pages
    cargo run --quiet --locked --example man_and_completions $pages
fi
# The package's date is that of the commit: the same tree gives the same package. The build must not see it: tract's C parts hang on
# SOURCE_DATE_EPOCH, and every commit would build tract anew.
date=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
maintainer=$(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)
cat >$pages/changelog <<EOF
posed ($version) unstable; urgency=medium

  * What changed is told in /usr/share/doc/posed/CHANGELOG.md.

 -- $maintainer  $(LC_ALL=C date -uR -d "@$date")
EOF

# The unit for several cameras is the unit for one, with NAME's configuration and folders.
{
    echo "# Made from posed.service: posed@NAME reads /etc/posed/NAME.toml."
    sed -e '/^Description=/s/$/ (%i)/' -e 's,/etc/posed/posed\.toml,/etc/posed/%i.toml,' \
        -e 's,^\(State\|Working\)Directory=.*posed$,&/%i,' -e 's,^RuntimeDirectory=posed$,&-%i,' systemd/posed.service
} >$pages/posed@.service

# What the program is linked of, each crate with its licence: most of them ask that their text goes with every copy.
cargo tree --locked -e normal --target "$target" --prefix none --format '{p} {l}' | sed -n 's/ (\*)$//; s/ (proc-macro)//; /^posed /!p' | sort -u |
    while read -r name crate_version licence; do
        printf '\n==== %s %s: %s\n' "$name" "${crate_version#v}" "$licence"
        find "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/"$name-${crate_version#v}" -maxdepth 1 -type f \
            \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' \) -print0 | sort -z | xargs -0r cat
    done >$pages/crates.txt
gzip -9nf $pages/crates.txt

if [ "$target" = "$host" ]; then
    of_target=()
    [ -n "${POSED_NO_BUILD:-}" ] || cargo build --release --locked
else
    of_target=(--target "$target")
    [ -n "${POSED_NO_BUILD:-}" ] || cross/build.sh "$target"
fi
# Not stripped again: the release profile does that, and this machine's strip does not know a board's programs.
SOURCE_DATE_EPOCH=$date .tools/bin/cargo-deb --no-build --no-strip --locked --quiet "${of_target[@]}" --output target/debian/
