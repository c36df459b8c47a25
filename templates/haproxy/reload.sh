#!/bin/sh
# Takes in the new configuration; ends when the new process serves. Written by opsctl.
cd {{ run_dir }} || exit 1
workers() {
    echo 'show proc' | timeout 5 {{ socat }} -t 5 - UNIX-CONNECT:master.sock 2>/dev/null |
        awk '/^# workers/ { on = 1; next } /^#/ { on = 0 } on && $2 == "worker" { print $1 }'
}
before=$(workers)
if [ -z "$before" ]; then
    echo '{{ member }}: no process answers, so none can be told to reload' >&2
    exit 1
fi
sh {{ config_dir }}/state.sh reload || exit 1
echo reload | timeout 10 {{ socat }} -t 10 - UNIX-CONNECT:master.sock >/dev/null 2>&1
tries=0
while [ "$tries" -lt 100 ]; do
    now=$(workers)
    if [ -n "$now" ] && [ "$now" != "$before" ]; then
        exit 0
    fi
    tries=$((tries + 1))
    sleep 0.1 2>/dev/null || sleep 1
done
echo '{{ member }}: the old process goes on: the new configuration was not taken in' >&2
exit 1
