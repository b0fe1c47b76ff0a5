# shellcheck shell=sh disable=SC2015,SC2016 # fail never returns; conditions are evaluated each time until_ looks
# after_cut.sh: the boot after cut.sh on the same disk. Nobody starts posed: systemd does.
# shellcheck source=tests/board/guest/lib.sh
. ./lib.sh
step "after the power cut: the service is up by itself, the lines inactive"
devices
until_ active 900
before=$(restarts)
off || fail "lines are active without a person"

step "what was being written is whole or stands alone"
for clip in avi y4m; do
    posed replay /var/lib/posed/clip.$clip >"$out/replay.txt" 2>&1 || { tail -n 5 "$out/replay.txt"; fail "clip.$clip cannot be replayed"; }
done
tr -d -c '\000' </var/lib/posed/lines >"$out/zeros"; [ ! -s "$out/zeros" ] || fail "zeros in the file of lines"
torn=$(grep -cv '^{.*}$' /var/lib/posed/lines || true)
[ "$torn" -le 1 ] || fail "$torn lines are torn: $(grep -v '^{.*}$' /var/lib/posed/lines | head -n 3)"
photo >"$out/with.jsonl"; rm -rf /var/lib/posed/plans; photo >"$out/without.jsonl"
cmp "$out/with.jsonl" "$out/without.jsonl" || fail "a plan of before the cut gives another skeleton"

step "it acts as before"
person_comes; until_ on 900
[ "$(restarts)" = "$before" ] || fail "it was restarted"
person_goes; until_ off
