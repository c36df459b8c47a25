#!/bin/sh
# Before this balancer stops its floating addresses go to another one. Written by opsctl.
# keepalived's check fails while {{ run_dir }}/away is there; the next start removes it.
# One that died is back in a second, sooner than they could move: systemd says which it is.
[ "${SERVICE_RESULT:-success}" = success ] || exit 0
: >{{ run_dir }}/away || exit 0
held() {
    ip -o addr 2>/dev/null | awk -v wanted=' {{ addresses | join(" ") }} ' '
        { split($4, part, "/"); if (index(wanted, " " part[1] " ")) found = 1 } END { exit !found }'
}
tries=0
while [ "$tries" -lt {{ patience * 5 }} ] && held; do
    tries=$((tries + 1))
    sleep 0.2 2>/dev/null || sleep 1
done
exit 0
