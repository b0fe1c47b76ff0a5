# shellcheck shell=sh disable=SC2015,SC2016 # fail never returns; conditions are evaluated each time until_ looks
# cut.sh: posed runs as a service with everything that writes writing, when the power is cut (boot.py kills the emulator at "CUT NOW").
# shellcheck source=tests/board/guest/lib.sh
. ./lib.sh
devices

step "the first boot: what cloud-init's user-data runs installs, configures and starts it"
mkdir -p /boot/firmware; cp posed_*.deb posed.toml /boot/firmware/
sed '1,/^  - |$/d; s/^    //' user-data >first-boot.sh
sh first-boot.sh >"$out/first-boot.txt" 2>&1 || { cat "$out/first-boot.txt"; fail "first boot"; }
active && [ "$(systemctl is-enabled posed)" = enabled ] || fail "not started"
cmp posed.toml /etc/posed/posed.toml

# A real board has its GPIO before any service; here gpio-sim is made by the next boot's task, until when posed fails and is started again.
mkdir -p /etc/systemd/system/posed.service.d
printf '[Unit]\nStartLimitIntervalSec=0\n' >/etc/systemd/system/posed.service.d/gpio.conf

step "everything that writes writes"
person_comes; until_ on 900
printf '[source]\nkind = "synthetic"\nfps = 2.0\n' >clip.toml
posed record --config clip.toml /var/lib/posed/clip.avi &
posed record --config clip.toml /var/lib/posed/clip.y4m &
until_ '[ "$(stat -c %s /var/lib/posed/clip.y4m 2>/dev/null || echo 0)" -gt 3000000 ]'
# Plans of networks, made and thrown away, so that the cut finds one half written.
(while :; do rm -rf /var/lib/posed/plans; photo >/dev/null; done) &
n=$(wc -l </var/lib/posed/lines); sync
until_ '[ "$(wc -l </var/lib/posed/lines)" -gt '$((n + 3))' ]' 1200
echo "CUT NOW"
sleep 60
