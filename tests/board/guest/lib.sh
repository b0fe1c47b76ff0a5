# shellcheck shell=sh disable=SC2015,SC2016 # fail never returns; conditions are evaluated each time until_ looks
# lib.sh: what every task of the emulated board begins with; read by `. ./lib.sh` as root in the folder of the payload.
# Every step is asserted; the first that fails ends the task.
set -eu
out=/run/board-out; mkdir -p $out
exec 3>&1 # the console, whatever a command redirects
camera=/dev/video0 feeder=/dev/video1
step() { echo "STEP $*"; }
fail() { echo "FAILED: $*" >&3; exit 1; }
finish() {
    rc=$?
    [ $rc = 0 ] || { systemctl status posed --no-pager -n 0 || true; journalctl -u posed -n 40 --no-pager -o cat || true; }
    journalctl -u posed --no-pager >"$out/journal.txt" || true
    tail -n 200 /var/lib/posed/lines >"$out/lines.jsonl" 2>/dev/null || true
    dmesg >"$out/dmesg.txt"; tar -cf /dev/vdc -C $out .; sync
    [ $rc = 0 ] && echo "BOARD TEST PASSED" || echo "BOARD TEST FAILED ($rc)"
}
trap finish EXIT
# until CONDITION [tenths of a second]
until_() { n=0; while ! eval "$1"; do n=$((n + 1)); [ $n -lt "${2:-300}" ] || fail "waited in vain: $1"; sleep 0.1; done; }
# a command's failure is wanted
refuse() { if "$@"; then fail "should have failed: $*"; fi; }
lamp() { cat "$sim/sim_gpio17/value"; }
low() { cat "$sim/sim_gpio4/value"; }
on() { [ "$(lamp)" = 1 ] && [ "$(low)" = 0 ]; }
off() { [ "$(lamp)" = 0 ] && [ "$(low)" = 1 ]; }
active() { [ "$(systemctl is-active posed)" = active ]; }
restarts() { systemctl show -P NRestarts posed; }
frames() { wc -l </var/lib/posed/lines; }
# told EVENT: how many lines tell of it
told() { grep -c "\"event\":\"$1\",\"pose\":\"here\"" /var/lib/posed/lines || true; }
pid() { systemctl show -P MainPID posed; }

# vivid's HDMI output is looped to its input: what is written to the feeder is what the camera shows. While it is being
# set up nobody but root may open it: a posed that waits for it would, and a camera in use takes no settings.
camera_on() {
    mkdir -p /run/udev/rules.d; echo 'SUBSYSTEM=="video4linux", MODE="0600"' >/run/udev/rules.d/99-being-set-up.rules; udevadm control --reload
    modprobe vivid n_devs=1 num_inputs=2 input_types=0xc num_outputs=1 output_types=1 node_types=0x101; udevadm settle
    {
        v4l2-ctl -d $camera -i 1
        v4l2-ctl -d $feeder --set-dv-bt-timings index=0; v4l2-ctl -d $camera --set-dv-bt-timings index=0
        v4l2-ctl -d $feeder --set-fmt-video-out=width=640,height=480,pixelformat=YUYV
        v4l2-ctl -d $camera --set-fmt-video=width=640,height=480,pixelformat=YUYV
        v4l2-ctl -d $camera -c loop_video=1,osd_text_mode=2
    } >/dev/null
    rm /run/udev/rules.d/99-being-set-up.rules; udevadm control --reload; chmod 660 $camera $feeder
}
person_comes() { v4l2-ctl -d $feeder --stream-out-mmap --stream-from=person.yuyv --stream-loop >/dev/null 2>&1 & shown=$!; }
person_goes() { kill "$shown"; wait "$shown" || true; }
# One inference with a directory of plans of its own.
photo() { CACHE_DIRECTORY=/var/lib/posed/plans posed image --model lite_hrnet_18 --box 34,76,152,404 basketball.jpg; }
drop_in() { mkdir -p /run/systemd/system/posed.service.d; printf '[Service]\n%s\n' "$@" >/run/systemd/system/posed.service.d/test.conf; systemctl daemon-reload; }
no_drop_in() { rm /run/systemd/system/posed.service.d/test.conf; systemctl daemon-reload; }
devices() {
    step "devices: camera, GPIO, screen"
    camera_on
    modprobe configfs; insmod "/lib/modules/$(uname -r)/extra/gpiosim.ko"
    mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config
    gpio_on
    echo 0 >/sys/class/vtconsole/vtcon1/bind || true
}
gpio_on() {
    chip=/sys/kernel/config/gpio-sim/pi; mkdir -p $chip/bank0; echo 28 >$chip/bank0/num_lines
    for n in 4 17; do mkdir $chip/bank0/line$n; echo GPIO$n >$chip/bank0/line$n/name; done
    echo 1 >$chip/live; udevadm settle
    sim=/sys/devices/platform/$(cat $chip/dev_name)/$(cat $chip/bank0/chip_name)
    # What nobody drives goes where its resistor pulls it: up, for a line that is active at 0.
    echo pull-up >"$sim/sim_gpio4/pull"
    udevadm trigger --subsystem-match=gpio; udevadm settle
}
gpio_off() { echo 0 >"$chip/live"; rmdir "$chip"/bank0/line* "$chip/bank0" "$chip"; udevadm settle; }
# The screen is virtio-gpu's: its driver lets go of the device and takes it again.
screen_off() { screen=$(cd /sys/bus/virtio/drivers/virtio_gpu; echo virtio*); echo "$screen" >/sys/bus/virtio/drivers/virtio_gpu/unbind; udevadm settle; }
screen_on() { echo "$screen" >/sys/bus/virtio/drivers/virtio_gpu/bind; udevadm settle; echo 0 >/sys/class/vtconsole/vtcon1/bind || true; }
