#!/bin/bash
# measure.sh POSED PEERS-DIR [CPU...]: instructions of one inference on a virtual ARM core (cortex-a72 and cortex-a76 unless named), one
# RESULT line an engine and network. POSED is the aarch64 binary; PEERS-DIR has what benches/peers/convert_ncnn.py, convert_mnn.py and
# convert_litert.py make of both float networks with `--out PEERS-DIR`. See README.md.
# WORK (/tmp/posed-arm) keeps the downloads and the guest; ONLY is a regular expression of the names to run, such as 'posed|wider'.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) repo=$(cd "$(dirname "$0")/../.." && pwd)
posed=$(realpath "$1") peers=$(realpath "$2"); shift 2; [ $# -gt 0 ] || set -- cortex-a72 cortex-a76
work=${WORK:-/tmp/posed-arm} guest=$work/guest; mkdir -p "$work"/{debs,wheels,kernel}

apt() { "$repo/cross/foreign-apt.sh" arm64 "$work/apt" "$@"; }
if [ ! -e "$work/fetched" ]; then
  apt update
  (cd "$work/kernel" && apt download linux-image-arm64 && m=$(dpkg-deb -f linux-image-arm64_*.deb Depends) && rm linux-image-arm64_*.deb &&
    apt download "$(grep -o 'linux-image-[^ ]*' <<<"$m" | head -1)")
  (cd "$work/debs" && apt download busybox-static python3.11-minimal libpython3.11-minimal libpython3.11-stdlib libexpat1 zlib1g libffi8 \
    libgcc-s1 libgomp1 libstdc++6 libssl3 libbz2-1.0 liblzma5 libuuid1 libc6)
  pip download -q --no-deps -d "$work/wheels" --only-binary=:all: --python-version 3.11 --implementation cp \
    --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 \
    ncnn onnxruntime MNN ai-edge-litert numpy
  touch "$work/fetched"
fi

# The guest lives in its initramfs: no disk, no modules, no init system.
rm -rf "$guest"; mkdir -p "$guest"/{dev,proc,sys,tmp,work/{site,models,golden,peers}}
for d in "$work"/debs/*.deb; do dpkg -x "$d" "$guest"; done
for d in "$work"/kernel/*.deb; do dpkg --fsys-tarfile "$d" | tar -xO --wildcards './boot/vmlinuz-*' >"$work/vmlinuz"; done
for w in "$work"/wheels/*.whl; do python3 -m zipfile -e "$w" "$guest/work/site"; done
(cd "$guest/work/site" && rm -rf _tools.* onnxruntime/{tools,transformers,quantization,datasets} \
  ai_edge_litert/{aot,tools,libLiteRtWebGpuAccelerator.so} && find . -name tests -prune -exec rm -rf {} +)
rm -rf "${guest:?}"/usr/share
cp "$repo"/models/*.{onnx,toml} "$guest/work/models/"; cp "$peers"/*.{param,bin,mnn,tflite} "$guest/work/peers/"
cp "$repo"/tests/engine/golden/{index.txt,input_basketball.bin} "$guest/work/golden/"
cp "$here/guest.py" "$guest/work/"; cp "$posed" "$guest/work/posed"; aarch64-linux-gnu-gcc -O1 -static -o "$guest/work/loop" "$here/loop.c"
cat >"$guest/init" <<'I'
#!/bin/busybox sh
cd /work; m="/bin/busybox mount -t"; $m proc proc /proc; $m sysfs sys /sys; $m devtmpfs dev /dev
export PYTHONPATH=/work/site PYTHONDONTWRITEBYTECODE=1 HOME=/tmp PATH=/usr/bin LD_LIBRARY_PATH=/usr/lib/aarch64-linux-gnu:/lib/aarch64-linux-gnu
./loop; python3.11 guest.py; echo GUEST DONE; /bin/busybox poweroff -f
I
chmod +x "$guest/init"
(cd "$guest" && find . | cpio -o -H newc --quiet) >"$work/guest.cpio"

for cpu in "$@"; do
  echo "== $cpu"
  qemu-system-aarch64 -M virt,gic-version=3 -cpu "$cpu" -accel tcg,thread=single -icount shift=0,sleep=off -smp 1 -m 1536 -nodefaults \
    -nographic -serial stdio -no-reboot -kernel "$work/vmlinuz" -initrd "$work/guest.cpio" \
    -append "console=ttyAMA0 mitigations=off quiet nokaslr norandmaps panic=-1 ONLY=${ONLY:-.}" </dev/null | tr -d '\r' | tee "$work/$cpu.log"
done
