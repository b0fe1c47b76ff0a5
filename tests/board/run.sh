#!/bin/bash
# run.sh POSED.deb [SOAK]: boots the emulated board (images.sh) and installs the package: the whole life of it (guest/whole.sh, with the memory
# over SOAK frames, 2000 unless given), then a screen under KMS
# (guest/screens.sh), then a power cut while all is being written (cut.sh) and the boot after it (after_cut.sh). Needs root. What
# it leaves for a look (serial logs, journals, screen) is in target/board. About eight minutes on two cores.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); cd "$here/../.."
deb=$(realpath "$1") out=target/board
images=$("$here/images.sh")
rm -rf "$out"; mkdir -p "$out/payload"
cp "$deb" "$here"/guest/*.{sh,toml} systemd/network.conf cross/cloud-init/user-data tests/tiny/points.* photos/basketball.jpg "$out/payload/"
echo "${2:-2000}" >"$out/payload/soak"
ffmpeg -v error -y -i photos/basketball.jpg -vf scale=640:480 -pix_fmt yuyv422 -f rawvideo "$out/payload/person.yuyv"

# boot TASK [boot.py's arguments]: the board runs guest/TASK.sh
boot() {
    cp "$here/guest/$1.sh" "$out/payload/task.sh"
    python3 "$here/boot.py" "$images" "$out/disk.qcow2" "$out/payload" "$out/$1" "${@:2}"
}
fresh_disk() { qemu-img create -q -f qcow2 -b "$images/root.img" -F raw "$out/disk.qcow2"; }

fresh_disk
boot whole --limit $((900 + ${2:-2000}))
python3 "$here/screen.py" "$out/whole/person.png" tests/golden/keypoints.json
# What the page told from outside of the board.
python3 - "$out/whole" <<'PY'
import json, sys
read = lambda name: json.load(open(f"{sys.argv[1]}/{name}"))
assert read("health.json") == {"state": "well"}
state = read("state.json")
assert state["name"] == "board", state["name"]
assert state["held"] == ["here"] and state["source"]["state"] == "running", state
assert read("clip.json")["bytes"] > 1000
assert open(f"{sys.argv[1]}/page.jpg", "rb").read(2) == b"\xff\xd8"
PY
fresh_disk
boot screens --limit 2000
for shown in kms again back other; do python3 "$here/screen.py" "$out/screens/$shown.png" tests/golden/keypoints.json; done
python3 "$here/screen.py" "$out/screens/card.png" card
for shown in console end; do python3 "$here/screen.py" "$out/screens/$shown.png" plain; done
fresh_disk
boot cut --cut "CUT NOW"
boot after_cut
rm "$out/disk.qcow2" "$out"/*/out.img
