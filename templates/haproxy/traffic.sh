#!/bin/sh
# traffic.sh ready|drain BACKEND/SERVER...: lets clients go to servers, or keeps them away.
# Written by opsctl. Draining waits {{ patience }} s for connections to end, then ends them.
cd {{ run_dir }} || exit 1
ask() { printf '%s\n' "$1" | timeout 5 {{ socat }} -t 5 - UNIX-CONNECT:admin.sock; }
how=$1
shift
for server; do
    said=$(ask "set server $server state $how") || exit 1
    if [ -n "$said" ]; then
        echo "$server: $said" >&2
        exit 1
    fi
done
[ "$how" = drain ] || exit 0

# Open connections of the servers given: column 7 (used_cur) of "show servers conn".
left() {
    ask 'show servers conn' | awk -v wanted=" $* " '
        index(wanted, " " $1 " ") { sum += $7 } END { print sum + 0 }'
}
tries=0
while [ "$tries" -lt {{ patience * 5 }} ] && [ "$(left "$@")" -gt 0 ]; do
    tries=$((tries + 1))
    sleep 0.2 2>/dev/null || sleep 1
done
for server; do
    ask "shutdown sessions server $server" >/dev/null
done
exit 0
