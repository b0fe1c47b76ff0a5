# cut.sh: posed runs as a service with everything that writes writing, when the power is cut (boot.py kills the emulator at "CUT NOW").
. ./lib.sh
devices

step "the first boot: what cloud-init's user-data runs installs, configures and starts it"
mkdir -p /boot/firmware; cp posed_*.deb posed.toml /boot/firmware/
sed '1,/^  - |$/d; s/^    //' user-data >first-boot.sh
sh first-boot.sh >$out/first-boot.txt 2>&1 || { cat $out/first-boot.txt; fail "first boot"; }
active && [ "$(systemctl is-enabled posed)" = enabled ] || fail "not started"
cmp posed.toml /etc/posed/posed.toml

step "everything that writes writes"
person_comes; until_ on 900
posed record --source synthetic /var/lib/posed/clip.avi &
posed record --source synthetic /var/lib/posed/clip.y4m &
until_ '[ "$(stat -c %s /var/lib/posed/clip.avi /var/lib/posed/clip.y4m 2>/dev/null | sort -n | head -1)" -gt 1000000 ]'
# Plans of networks, made and thrown away, so that the cut finds one half written.
(while :; do rm -rf /var/lib/posed/plans; photo >/dev/null; done) &
n=$(wc -l </var/lib/posed/lines); sync
until_ '[ "$(wc -l </var/lib/posed/lines)" -gt '$((n + 5))' ]'
echo "CUT NOW"
sleep 60
