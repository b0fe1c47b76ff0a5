# shellcheck shell=sh disable=SC2015,SC2016,SC2086 # fail never returns; conditions are evaluated each time until_ looks
# screens.sh: a screen under KMS, taken from the console and given back to it.
# shellcheck source=tests/board/guest/lib.sh
. ./lib.sh
devices
DEBIAN_FRONTEND=noninteractive apt-get -y install ./posed_*.deb >"$out/install.txt" 2>&1 </dev/null || { cat "$out/install.txt"; fail "apt install"; }
udevadm trigger --subsystem-match=gpio; udevadm settle
sed 's/^kind = "framebuffer"/kind = "drm"/' posed.toml >/etc/posed/posed.toml
posed check
connector=$(basename "$(dirname /sys/class/drm/card*-*/status)")
posed doctor >"$out/doctor.txt" || { cat "$out/doctor.txt"; fail "doctor"; }
grep -q "KMS card, ${connector#*-} connected (800x480)" "$out/doctor.txt" || { cat "$out/doctor.txt"; fail "doctor does not tell of $connector"; }
# What the console shows: one grey.
console() { head -c $((800 * 480 * 4)) /dev/zero | tr '\0' '\252' >/dev/fb0; }
console
logged() { journalctl -u posed --no-pager -o cat | grep -c "$1" || true; }
# shows NAME: what was recognised is on the screen
shows() { from=$(frames); until_ '[ "$(frames)" -ge '$((from + 3))' ]' 900; echo "SCREENDUMP $1"; sleep 3; }

step "a card shows whether the screen is set right"
posed display --test screen --seconds 20 >"$out/test.txt" & shown=$!
until_ 'grep -q "800x480" '"$out/test.txt" 300
sleep 5; echo "SCREENDUMP card"; sleep 3
wait $shown || fail "posed display: $(cat "$out/test.txt")"
grep -q '`connector`' "$out/test.txt" || fail "no advice: $(cat "$out/test.txt")"

step "the service takes the screen from the console"
systemctl start posed; active || fail "not active"
person_comes; until_ on 900
[ "$(logged '800x480')" -ge 1 ] || fail "no screen was taken"
shows kms

step "the screen is unplugged and comes back: the lines stay"
echo off >"/sys/class/drm/$connector/status"
until_ '[ "$(logged "was unplugged")" = 1 ]' 300
from=$(frames); until_ '[ "$(frames)" -ge '$((from + 2))' ]' 900; on || fail "a line fell"
taken=$(logged '800x480, ')
echo detect >"/sys/class/drm/$connector/status"
until_ '[ "$(logged "800x480, ")" -gt '"$taken"' ]' 300
shows again

step "somebody works on another console: it has the screen, and gives it back"
terminal() { perl -e 'open(my $t, "+<", "/dev/tty0") or die; ioctl($t, 0x5606, '"$1"') or die "$!"'; }
was=$(cat /sys/class/tty/tty0/active)
terminal 2; until_ '[ "$(logged "another console")" = 1 ]' 300
console; sleep 1; echo "SCREENDUMP console"; sleep 3
taken=$(logged '800x480, ')
terminal "${was#tty}"; until_ '[ "$(logged "800x480, ")" -gt '"$taken"' ]' 300
shows back

step "the whole card goes and comes"
taken=$(logged '800x480, ')
screen_off
until_ '[ "$(logged "display screen: ")" -ge 1 ]' 900
on || fail "a line fell"
screen_on
until_ '[ "$(logged "800x480, ")" -gt '"$taken"' ]' 900
shows other

step "the end: the console has the screen"
systemctl stop posed; off || fail "a line is active"
console; sleep 1; echo "SCREENDUMP end"; sleep 3
