#!/bin/bash
# foreign-apt.sh ARCHITECTURE STATE APT-GET'S ARGUMENTS...: apt-get for another architecture, from the machine's own sources, with lists and a
# status of its own in the folder STATE, so that the machine's list of architectures stays as it is.
#
#     cross/foreign-apt.sh arm64 /tmp/apt update
#     cross/foreign-apt.sh arm64 /tmp/apt download busybox-static    # into the folder it is called in
#     cross/foreign-apt.sh arm64 /tmp/apt madison busybox-static     # its versions, as apt-cache has them
set -euo pipefail
architecture=$1 state=$2; shift 2
mkdir -p "$state"/{lists/partial,cache/archives/partial}
[ -e "$state/status" ] || : >"$state/status"
command=apt-get
[ "${1:-}" != madison ] || command=apt-cache
exec "$command" -qq -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" -o Dir::State="$state" \
    -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
    -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
