#!/bin/bash
# run.sh POSED.deb: boots the emulated board (images.sh), installs the package and goes through guest/test.sh; needs root. What it leaves for a look
# (serial log, journal, screen) is in target/board. About four minutes on two cores.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); cd "$here/../.."
deb=$(realpath "$1") out=target/board
images=$("$here/images.sh")
rm -rf "$out"; mkdir -p "$out/payload"
cp "$deb" "$here"/guest/* "$out/payload/"
ffmpeg -v error -y -i photos/basketball.jpg -vf scale=640:480 -pix_fmt yuyv422 -f rawvideo "$out/payload/person.yuyv"
qemu-img create -q -f qcow2 -b "$images/root.img" -F raw "$out/disk.qcow2"
python3 "$here/boot.py" "$images" "$out/disk.qcow2" "$out/payload" "$out"
python3 "$here/screen.py" "$out/person.png" tests/golden/keypoints.json
rm "$out/disk.qcow2" "$out/out.img"
