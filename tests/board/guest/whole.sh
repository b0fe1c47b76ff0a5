# shellcheck shell=sh disable=SC2015,SC2016,SC2086 # fail never returns; conditions are evaluated each time until_ looks; lists of numbers
# whole.sh: the life of posed on a board, from its package to its removal.
# shellcheck source=tests/board/guest/lib.sh
. ./lib.sh
soak=$(cat soak)
devices

step "install: the package, its user, its units"
# As docs/install.md says.
apt() { DEBIAN_FRONTEND=noninteractive apt-get -y "$@" </dev/null; }
apt install ./posed_*.deb >"$out/install.txt" 2>&1 || { cat "$out/install.txt"; fail "apt install"; }
id posed | grep -q '(video)' && id posed | grep -q '(gpio)' || fail "$(id posed)"
refuse systemctl is-active --quiet posed
udevadm trigger --subsystem-match=gpio; udevadm settle
[ "$(stat -c %G /dev/gpiochip0)" = gpio ] || fail "/dev/gpiochip0 is $(stat -c %G /dev/gpiochip0)'s"
cp posed.toml /etc/posed/posed.toml
posed check
systemd-analyze verify --man=no posed.service posed@door.service 2>"$out/verify.txt" || true
[ ! -s "$out/verify.txt" ] || { cat "$out/verify.txt"; fail "systemd-analyze verify"; }
systemd-analyze security posed.service --no-pager >"$out/security.txt" || true
score=$(sed -n 's/.*Overall exposure level for posed.service: \([0-9.]*\).*/\1/p' "$out/security.txt")
awk "BEGIN { exit !($score <= 2.0) }" || fail "security score $score"
echo "security score $score"

posed models verify

step "doctor: all is well, and each thing that is missing is named"
setpriv --reuid posed --regid posed --init-groups posed doctor >"$out/doctor.txt" || { cat "$out/doctor.txt"; fail "doctor"; }
refuse grep -q PROBLEM "$out/doctor.txt"
# names WORD [COUNT]: the doctor finds problems, COUNT (1) at most, and says WORD in the line of one
names() {
    refuse posed doctor >"$out/doctor-without.txt"
    grep "PROBLEM .*$1" "$out/doctor-without.txt" >/dev/null || { cat "$out/doctor-without.txt"; fail "doctor does not name $1"; }
    [ "$(grep -c PROBLEM "$out/doctor-without.txt")" -le "${2:-1}" ] || { cat "$out/doctor-without.txt"; fail "doctor finds more than what is missing"; }
}
gpio_off; names GPIO17 2; gpio_on
screen_off; names /dev/fb0; screen_on
mv /usr/share/posed/models /usr/share/posed/m; names "no models found" 2; mv /usr/share/posed/m /usr/share/posed/models
chmod 700 /dev/video0; setpriv --reuid posed --regid posed --init-groups posed doctor >"$out/doctor-denied.txt" && fail "doctor: a camera it must not open"
grep -q 'PROBLEM .*/dev/video0 may not be opened' "$out/doctor-denied.txt" || { cat "$out/doctor-denied.txt"; fail "doctor does not name the camera"; }
chmod 660 /dev/video0
posed doctor >"$out/doctor-again.txt" || { cat "$out/doctor-again.txt"; fail "doctor: all devices are back"; }

step "start: active within its time, as its own user, shut in"
systemctl start posed; active || fail "not active"
p=$(pid)
grep -q "^Uid:.$(id -u posed)[[:space:]]" "/proc/$p/status" || fail "not the user posed"
grep -q '^CapEff:.0000000000000000' "/proc/$p/status" && grep -q '^NoNewPrivs:.1' "/proc/$p/status" && grep -q '^Seccomp:.2' "/proc/$p/status" || fail "not shut in"
for f in tcp tcp6 udp udp6; do [ "$(wc -l <"/proc/$p/net/$f")" = 1 ] || fail "an open port: $(cat "/proc/$p/net/$f")"; done
grep -q ' / / ro,' "/proc/$p/mountinfo" || fail "the root is not read-only for it"
for f in /etc/posed/x /usr/share/posed/models/x /home/x; do refuse nsenter -t "$p" -m touch $f 2>/dev/null; done
nsenter -t "$p" -m touch /var/lib/posed/x /var/cache/posed/x /run/posed/x || fail "it cannot write where it must"
off || fail "lines are active without a person"

step "a person comes: the lines go active, a line tells of it, the skeleton is on the screen"
person_comes
until_ on 600
until_ '[ "$(told enter)" -gt "$(told exit)" ]'
sleep 2; echo "SCREENDUMP person"; sleep 2
step "the person goes: the lines fall, a line tells of it"
person_goes
until_ off
until_ '[ "$(told exit)" -ge 1 ] && [ "$(told exit)" = "$(told enter)" ]'

step "two people at once, found by the finder network: events of both"
sed '/^boxes = /d; s/^when = .*/when = "nose above left_elbow or nose above right_elbow"/' posed.toml >/etc/posed/posed.toml
posed check; systemctl reload posed; from=$(frames); person_comes
# entered FROM: how many people have entered since line FROM of the lines
entered() { tail -n "+$(($1 + 1))" /var/lib/posed/lines | sed -n 's/.*"event":"enter".*"person":\([0-9]*\).*/\1/p' | sort -u | wc -l; }
until_ '[ "$(entered '"$from"')" -ge 2 ]' 3000
until_ 'tail -n 3 /var/lib/posed/lines | grep -q "\"people\":\[{\"id\":.*,{\"id\":"' 600
until_ 'systemctl show -P StatusText posed | grep -q "2 people are followed"'
on || fail "a line fell"
person_goes; until_ off 1200
cp posed.toml /etc/posed/posed.toml; systemctl reload posed

step "the camera is taken away and comes back"
person_comes; until_ on 600
before=$(restarts)
device=$(basename "$(readlink -f /sys/class/video4linux/video0/device)")
echo "$device" >/sys/bus/platform/drivers/vivid/unbind
wait $shown || true
until_ off; sleep 6
active || fail "not active without its camera"
systemctl show -P StatusText posed | grep -q "waiting for the source" || fail "status: $(systemctl show -P StatusText posed)"
refuse posed doctor >"$out/doctor-no-camera.txt"
grep -q '^camera *PROBLEM  no camera' "$out/doctor-no-camera.txt" || { cat "$out/doctor-no-camera.txt"; fail "doctor does not name the camera"; }
modprobe -r vivid; camera_on; person_comes
until_ on 900
[ "$(restarts)" = "$before" ] || fail "it was restarted"

step "reload: a HUP keeps it active"
systemctl reload posed; until_ active; [ "$(restarts)" = "$before" ] || fail "it was restarted"
until_ on 600

step "SIGKILL: restarted, the lines inactive in between"
systemctl kill -s KILL posed
until_ off 50
until_ "active && on" 900
[ "$(restarts)" = $((before + 1)) ] || fail "$(restarts) restarts"

step "a stage stalls: the lines fall, the watchdog restarts it"
drop_in Environment=POSED_FAULT=stall WatchdogSec=24
systemctl restart posed; was=$(restarts)
until_ on 900
until_ off 400
until_ '[ "$(restarts)" -gt '"$was"' ]' 600
journalctl -u posed --no-pager -o cat | grep -q 'watchdog is no longer fed' || fail "the log does not name the stage"

step "panic after panic: failed, with everything inactive"
# An emulated processor may need a minute from start to panic.
drop_in Environment=POSED_FAULT=panic '[Unit]' StartLimitIntervalSec=1200
systemctl reset-failed posed; systemctl restart posed || true
until_ '[ "$(systemctl is-failed posed)" = failed ]' 4000
off || fail "a line is active in the failed state"
journalctl -u posed --no-pager -o cat | grep -q 'Start request repeated too quickly' || fail "not the start limit"
no_drop_in; systemctl reset-failed posed; systemctl start posed
until_ on 900

step "the disk is full, the clock jumps: it keeps acting"
dd if=/dev/zero of=/var/fill bs=1M 2>/dev/null || true
person_goes; until_ off; person_comes; until_ on 600
rm /var/fill
date -s "+1 year" >/dev/null; person_goes; until_ off; person_comes; until_ on 600
date -s "-1 year" >/dev/null; person_goes; until_ off; person_comes; until_ on 600
active || fail "not active"

step "the disk turns read-only, as the kernel makes it after an I/O error: it keeps acting, and starts"
echo u >/proc/sysrq-trigger; until_ '! touch /var/lib/posed/x 2>/dev/null'
person_goes; until_ off; person_comes; until_ on 600
systemctl restart posed; until_ "active && on" 900
person_goes; until_ off
mount -o remount,rw /; person_comes; until_ on 600
from=$(frames); until_ '[ "$(frames)" -gt "$from" ]' 600

step "memory: 20 frames with the network, $soak with one that takes no time"
memory() { sed -n "s/^$1:[^0-9]*\([0-9]*\).*/\1/p" "/proc/$(pid)/status"; }
# grows FRAMES: what so many frames add
grows() {
    before=$(memory VmRSS) from=$(frames)
    until_ '[ "$(frames)" -ge '$((from + $1))' ]' $(($1 * 50 + 600))
    after=$(memory VmRSS) peak=$(memory VmHWM)
    echo "memory $before kB, after $1 frames $after kB, at most $peak kB"
    [ "$peak" -lt 61440 ] || fail "memory $peak kB"
    [ $((after - before)) -lt 512 ] || fail "memory grew from $before to $after kB"
}
grows 20
cp points.* /etc/posed/ # of MPII's joints, which have no nose
sed -i '1i model = "/etc/posed/points.toml"
s/nose above/left_wrist above/' /etc/posed/posed.toml; posed check
systemctl reload posed; from=$(frames); until_ '[ "$(frames)" -gt '$((from + 50))' ]' 900
grows "$soak"
cp posed.toml /etc/posed/posed.toml; rm /etc/posed/points.*; systemctl reload posed; until_ "active && on" 900

step "a second camera: a service of its own"
cat >/etc/posed/door.toml <<'END'
[source]
kind = "synthetic"
fps = 2.0
[publish.lines]
kind = "file"
path = "/var/lib/posed/door/lines"
frames = true
END
systemctl start posed@door
until_ '[ -s /var/lib/posed/door/lines ]' 900
[ "$(systemctl is-active posed@door)" = active ] && active || fail "one camera stops the other"
systemctl stop posed@door

step "a program as the camera: it is read, begun anew when it is killed, and ends with the service"
mkdir -p /var/lib/posed/door; cp basketball.jpg /var/lib/posed/door/
cat >/etc/posed/door.toml <<'END'
[source]
kind = "command"
argv = ["/bin/sh", "-c", "while cat /var/lib/posed/door/basketball.jpg; do sleep 2; done"]
[publish.lines]
kind = "file"
path = "/var/lib/posed/door/lines"
frames = true
END
posed check --config /etc/posed/door.toml
rm -f /var/lib/posed/door/lines; systemctl start posed@door
seen() { wc -l </var/lib/posed/door/lines; }
until_ '[ "$(seen)" -ge 2 ]' 1800
was=$(systemctl show -P NRestarts posed@door)
program() { cat "/proc/$(systemctl show -P MainPID posed@door)"/task/*/children; }
first=$(program); kill -KILL $first; from=$(seen)
until_ '[ "$(seen)" -ge '$((from + 2))' ]' 1800
[ "$(systemctl show -P NRestarts posed@door)" = "$was" ] || fail "the service was restarted with its camera"
second=$(program); [ -n "$second" ] && [ "$second" != "$first" ] || fail "program $second after $first"
systemctl stop posed@door
for p in $first $second; do [ ! -e "/proc/$p" ] || fail "the program is left: $(cat "/proc/$p/status")"; done
rm /etc/posed/door.toml

step "a camera whose module is loaded after the start: the service may use it"
person_goes; until_ off; systemctl stop posed
for module in vivid $(lsmod | awk '/^(v4l2|videobuf2|videodev|mc)/ { print $1 }'); do modprobe -r "$module" 2>/dev/null || true; done
for module in $(lsmod | awk '/^(v4l2|videobuf2|videodev|mc)/ { print $1 }'); do modprobe -r "$module" 2>/dev/null || true; done
refuse grep -q video4linux /proc/devices
systemctl start posed; active || fail "not active without a camera"
until_ 'systemctl show -P StatusText posed | grep -q "waiting for the source"'
camera_on; person_comes; until_ on 900

step "the network by its drop-in: a page for others, and home automation"
modprobe virtio_net; udevadm settle
card=$(basename "$(readlink -f /sys/class/net/e*)")
ip link set "$card" up; ip addr add 10.0.2.15/24 dev "$card"; ip route add default via 10.0.2.2; ip link set lo up
cat >>/etc/posed/posed.toml <<'END'
[publish.page]
kind = "web"
listen = "0.0.0.0:8420"
password_file = "/etc/posed/page.password"
clips = "/var/lib/posed/clips"
[publish.home]
kind = "mqtt"
url = "mqtt://127.0.0.1"
name = "board"
END
echo "open sesame" | posed password /etc/posed/page.password
[ "$(stat -c %a:%G /etc/posed/page.password)" = 640:posed ] || fail "page.password: $(stat -c %a:%G /etc/posed/page.password)"
posed check
refuse posed doctor >"$out/doctor-no-network.txt"
grep -q 'PROBLEM .*need the network, which posed.service has not' "$out/doctor-no-network.txt" || { cat "$out/doctor-no-network.txt"; fail "doctor does not name the network"; }
systemctl reload posed; until_ 'journalctl -u posed --no-pager -o cat | grep -q "the service has no network"' 600
until_ "active && on" 900
install -D -m 644 network.conf /etc/systemd/system/posed.service.d/network.conf
systemctl daemon-reload; systemctl start mosquitto; systemctl restart posed
until_ "active && on" 900
posed doctor >"$out/doctor-network.txt" || { cat "$out/doctor-network.txt"; fail "doctor: the network is there"; }
# heard TOPIC VALUE: what the broker keeps
heard() { [ "$(mosquitto_sub -h 127.0.0.1 -t "$1" -C 1 -W 20)" = "$2" ]; }
until_ 'heard posed/board/pose/here ON' 60
heard posed/board/availability online || fail "not online"
mosquitto_sub -h 127.0.0.1 -t homeassistant/device/+/config -C 1 -W 20 >"$out/discovery.json" || fail "Home Assistant is told nothing"
before=$(memory VmRSS)
echo "memory with a page and a broker $before kB"
[ "$before" -lt 40960 ] || fail "memory with a page and a broker $before kB"
echo "FETCH GET /health health.json"; echo "FETCH GET /state state.json"; echo "FETCH GET /snapshot.jpg page.jpg"
sleep 20; echo "FETCH POST /clip clip.json"
until_ 'ls /var/lib/posed/clips/*.avi >/dev/null 2>&1' 1200
systemctl stop posed
heard posed/board/pose/here OFF && heard posed/board/availability offline || fail "left at the broker: $(mosquitto_sub -h 127.0.0.1 -t 'posed/board/#' -v -W 5 || true)"
systemctl stop mosquitto; rm -r /etc/systemd/system/posed.service.d/network.conf /etc/posed/page.password
systemctl daemon-reload; cp posed.toml /etc/posed/posed.toml; systemctl start posed; until_ on 900

step "upgrade keeps the configuration; remove and purge leave nothing"
dpkg -i posed_*.deb >"$out/upgrade.txt" 2>&1 </dev/null || { cat "$out/upgrade.txt"; fail "upgrade"; }
cmp posed.toml /etc/posed/posed.toml
until_ "active && on" 900
apt remove posed >"$out/remove.txt" 2>&1
off || fail "a line is active after removal"
[ -e /etc/posed/posed.toml ] && [ ! -e /usr/bin/posed ] || fail "remove"
apt purge posed >"$out/purge.txt" 2>&1
for f in /etc/posed /var/lib/posed /var/cache/posed /usr/share/posed; do [ ! -e $f ] || fail "$f is left: $(ls -laR $f)"; done
