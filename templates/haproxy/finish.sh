#!/bin/sh
# Before this balancer stops, connections through it may come to their end. Written by opsctl for
# {{ member }}. Clients on its node have no other: it lets them in until it goes, and then goes at once,
# whatever signal the image was made to be stopped with.
cd {{ run_dir }} || exit 0
# Open connections: column 5 (scur) of the frontends that clients come in at.
left() {
    echo 'show stat -1 1 -1' | timeout 5 {{ socat }} -t 5 - UNIX-CONNECT:admin.sock 2>/dev/null |
        awk -F , '$2 == "FRONTEND" && $1 != "opsctl:status" { sum += $5 } END { print sum + 0 }'
}
tries=0
while [ "$tries" -lt {{ patience * 5 }} ] && [ "$(left)" -gt 0 ]; do
    tries=$((tries + 1))
    sleep 0.2 2>/dev/null || sleep 1
done
kill -TERM {{ process }}
