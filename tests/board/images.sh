#!/bin/bash
# images.sh: what the emulated board boots, made once and kept: Debian's arm64 kernel, a root with systemd, and gpio-sim, which Debian leaves out.
# Prints the folder (vmlinuz, initrd, root.img). Three minutes and 1 GB where nothing is kept; the folder's name changes with this script.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${POSED_CACHE:-$HOME/.cache/posed-board}
out=$cache/images-$(cat "$here/images.sh" "$here/guest/board-test.service" | sha256sum | cut -c1-16)
needs_packages() {
    dpkg -s "$@" >/dev/null 2>&1 && return
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
# qemu-system-arm, of the release that goes with the parts of QEMU already there: where those are from backports, Debian's own breaks them. The
# machine's sources need not name backports: they are then asked where Debian is, in a copy of the sources that is used here only.
needs_emulator() {
    dpkg -s qemu-system-arm >/dev/null 2>&1 && return
    apt-get update -qq >&2
    if ! dpkg-query -W -f '${db:Status-Abbrev}${Version}\n' 'qemu-*' 2>/dev/null | grep '^ii.*~bpo' >/dev/null; then
        needs_packages qemu-system-arm
        return
    fi
    local release mirror own backported
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    backported=(-y -qq --no-remove --no-install-recommends)
    # shellcheck disable=SC2016 # apt's names
    own=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages')
    if ! grep -q "^Debian $release-backports main " <<<"$own"; then
        mirror=$(awk -v r="$release" '$1 == "Debian" && $2 == r && $3 == "main" && !n++ { print $4 }' <<<"$own")
        [ -n "$mirror" ] || { echo "images.sh: apt has no list of Debian's $release: apt-get update, then run this again" >&2; return 1; }
        sources=$(mktemp -d); trap 'rm -rf "$sources"' EXIT
        cp -r /etc/apt/sources.list.d/. "$sources"
        echo "deb $mirror $release-backports main" >"$sources/posed-backports.list"
        backported+=(-o Dir::Etc::sourceparts="$sources")
        apt-get -qq -o Dir::Etc::sourceparts="$sources" update >&2
    fi
    # Each by name: for what a package depends on, apt prefers the release itself and gives up where that is too old.
    DEBIAN_FRONTEND=noninteractive apt-get "${backported[@]}" install qemu-system-{arm,common,data}"/$release-backports" >/dev/null
}
needs_emulator
needs_packages qemu-utils ffmpeg python3
if [ -e "$out/done" ]; then echo "$out"; exit; fi
needs_packages qemu-user-static mmdebstrap arch-test e2fsprogs kmod cpio bc make libssl-dev libelf1 gcc gcc-aarch64-linux-gnu
work=$(mktemp -d "${TMPDIR:-/tmp}/posed-board.XXXX"); trap 'rm -rf "$work" "${sources:-$work}"' EXIT
rm -rf "$out"; mkdir -p "$out" "$work"/{debs,kernel,module,source,root,early/{bin,m,proc,sys,dev,new}}

foreign() { "$here/../../cross/foreign-apt.sh" arm64 "$work/apt" "$@" >&2; }
cd "$work/debs"
foreign update
foreign download busybox-static
# The lists of this machine may be older than those of the other architecture.
apt-get update -qq >&2
# Everything of a kernel in one version of Debian's package linux-image-arm64.
kernel() {
    local depends version
    foreign download "linux-image-arm64=$1" || return
    depends=$(dpkg-deb -f linux-image-arm64_*.deb Depends)
    kernel=$(grep -o '[0-9][0-9.]*-[0-9]*-arm64' <<<"$depends" | head -1) version=$(grep -o '= [^)]*' <<<"$depends" | cut -c3-)
    series=${kernel%.*}
    foreign download "linux-image-$kernel=$version" "linux-headers-$kernel=$version" || return
    apt-get -qq -o APT::Sandbox::User=root download \
        "linux-kbuild-$series=$version" "linux-source-$series=$version" "linux-headers-${kernel%-arm64}-common=$version" >&2
}
# While security updates are on their way, the newest may be there in part only.
found=
versions=$("$here/../../cross/foreign-apt.sh" arm64 "$work/apt" madison linux-image-arm64 | awk '{ print $3 }')
for each in $versions; do
    if kernel "$each"; then
        found=1
        break
    fi
    rm -f linux-*.deb
done
[ -n "$found" ] || { echo "images.sh: apt has no arm64 kernel with its headers and source: try again later" >&2; exit 1; }
dpkg -x "linux-image-$kernel"_*.deb "$work/kernel"; dpkg -x busybox-static_*.deb "$work/kernel"
depmod -b "$work/kernel" "$kernel"

# gpio-sim as a module: two files of the kernel's source; irq_to_desc is not there for modules.
for d in linux-kbuild-*.deb linux-headers-*.deb; do dpkg -x "$d" "$work/source"; done
headers=$work/source/usr/src/linux-headers-$kernel
sed -i "s#include /usr/src/#include $work/source/usr/src/#" "$headers/Makefile"
dpkg --fsys-tarfile "linux-source-${series}"_*.deb | tar -xO "./usr/src/linux-source-$series.tar.xz" | tar -xJ -C "$work/module" --strip-components=3 \
    "linux-source-$series"/{drivers/gpio/gpio-sim.c,drivers/gpio/gpiolib.h,kernel/irq/irq_sim.c}
cd "$work/module"
sed -i 's/irq_to_desc(irqnum)/irq_data_to_desc(irq_get_irq_data(irqnum))/' irq_sim.c
printf 'obj-m := gpiosim.o\ngpiosim-y := gpio-sim.o irq_sim.o\n' >Kbuild
make -s -C "$headers" M="$PWD" ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- modules >&2

# The root: programs of arm64 run under qemu-user while it is made.
"$here/../../cross/binfmt.sh" aarch64
# shellcheck disable=SC2016 # $1 is mmdebstrap's
mmdebstrap --quiet --variant=essential --architectures=arm64 --mode=root --include=apt,systemd-sysv,udev,kmod,v4l-utils,gpiod,iproute2,mosquitto,mosquitto-clients \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='echo board >$1/etc/hostname; passwd -R $1 -d root; rm -f $1/etc/systemd/system/*/systemd-timesyncd* $1/etc/systemd/system/*/mosquitto.service' \
    --customize-hook='ln -sf /dev/null $1/etc/systemd/system/apt-daily.timer' \
    bookworm "$work/root.tar" /etc/apt/sources.list.d/debian.sources >&2

modules=$work/kernel/lib/modules/$kernel
needs() { modprobe -d "$work/kernel" -S "$kernel" --show-depends "$1" 2>/dev/null | awk '$1 == "insmod" { print $2 }'; }
# What comes before the root: busybox, the disk's drivers, ext4.
cp "$work"/kernel/bin/busybox "$work/early/bin/"
n=10
for module in virtio_pci virtio_mmio virtio_blk ext4 crc32c_generic; do
    for file in $(needs $module); do
        [ -n "$(find "$work/early/m" -name "*-$(basename "$file")")" ] || { cp "$file" "$work/early/m/$n-$(basename "$file")"; n=$((n + 1)); }
    done
done
cat >"$work/early/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs none /dev
for f in /m/*; do /bin/busybox insmod $f; done
i=0; while [ ! -b /dev/vda ] && [ $i -lt 100 ]; do /bin/busybox sleep 0.1; i=$((i+1)); done
/bin/busybox mount -t ext4 /dev/vda /new && exec /bin/busybox switch_root /new /lib/systemd/systemd
exec /bin/busybox sh
INIT
chmod +x "$work/early/init"
(cd "$work/early" && find . | cpio -o -H newc --quiet | gzip -1) >"$out/initrd"
cp "$work"/kernel/boot/vmlinuz-* "$out/vmlinuz"

tar -xf "$work/root.tar" -C "$work/root"
board=$work/root/lib/modules/$kernel; mkdir -p "$board/extra"
for module in vivid virtio-gpu virtio_input evdev configfs virtio_net; do
    for file in $(needs $module); do
        to=$board/${file#"$modules"/}; mkdir -p "$(dirname "$to")"; cp "$file" "$to"
    done
done
aarch64-linux-gnu-strip -g -o "$board/extra/gpiosim.ko" "$work/module/gpiosim.ko"
cp "$modules"/modules.{order,builtin,builtin.modinfo} "$board/"; depmod -b "$work/root" "$kernel"
cp "$here/guest/board-test.service" "$work/root/etc/systemd/system/"
ln -s ../board-test.service "$work/root/etc/systemd/system/multi-user.target.wants/board-test.service"
mke2fs -q -t ext4 -d "$work/root" "$out/root.img" 700M >&2
touch "$out/done"; echo "$out"
