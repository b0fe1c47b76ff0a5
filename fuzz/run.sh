#!/bin/bash
# fuzz/run.sh [seconds [target]]: fuzzes the ONNX importer and the readers of streams and configurations, each target for so many seconds (60). A finding stays in fuzz/artifacts.
#
# Needs cargo-fuzz: cargo install cargo-fuzz --locked. RUSTC_BOOTSTRAP lets a stable compiler take libFuzzer's flags. The first build is
# long: tract is traced too. What grows goes into fuzz/target/corpus; ./run.sh minimise brings the first hundreds of those that are small
# and reach what others do not into the corpus that tests/engine_corpus.rs runs.
set -euo pipefail
cd "$(dirname "$0")"
export RUSTC_BOOTSTRAP=1 PATH="$PATH:$PWD/../.tools/bin"
fuzz() { cargo fuzz "$1" --fuzz-dir . --release --sanitizer none "${@:2}"; }
# The referee: no file may take 10 s, a gigabyte in all or half of one at once.
limits=(-timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=512 -use_value_profile=1)

if [ "${1:-}" = minimise ]; then
    while read -r target length count; do
        rm -rf "target/merged/$target"
        mkdir -p "target/merged/$target"
        fuzz run "$target" "target/merged/$target" "target/corpus/$target" -- -merge=1 -max_len="$length" "${limits[@]}" -use_value_profile=0
        # They are named by their hash: the first are a fair choice.
        (cd "target/merged/$target" && printf '%s\n' * | sed -n "1,${count}p" | xargs cp -t "../../../corpus/$target")
    done <<<$'graph 160 400\nonnx 1200 200'
    exit
fi
# What streams and configurations begin with: our own files.
mkdir -p {target/,}corpus/{stream,configuration}
cp ../tests/pictures/*.jpg target/corpus/stream/
cp ../config/posed.toml ../tests/configurations/broken/*.toml target/corpus/configuration/
for target in ${2:-onnx graph stream configuration}; do
    mkdir -p "target/corpus/$target"
    case $target in onnx | stream) length=30000 ;; configuration) length=6000 ;; *) length=400 ;; esac
    fuzz run "$target" "target/corpus/$target" "corpus/$target" -- -max_total_time="${1:-60}" -max_len="$length" "${limits[@]}"
done
