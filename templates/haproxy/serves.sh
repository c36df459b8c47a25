#!/bin/sh
# serves.sh [joins]: whether the local balancer may have clients. Written by opsctl for {{ member }}.
[ ! -e {{ run_dir }}/away ] || exit 1
{% if doors %}

# The others speak to a new balancer only once they have been told of it, so at first it hears nobody:
# for a while it leaves alone what somebody answers.
answered() {
    for door in {{ doors | join(" ") }}; do
        ! timeout 1 socat -u /dev/null "$door,connect-timeout=0.4" 2>/dev/null || return 0
    done
    return 1
}
if [ "$1" = joins ] && [ ! -e {{ run_dir }}/joined ]; then
    [ -z "$(find {{ run_dir }}/joining -newermt '-{{ joining }} seconds' 2>/dev/null)" ] || ! answered || exit 1
    : >{{ run_dir }}/joined
fi
{% endif %}
printf 'GET /health HTTP/1.0\r\n\r\n' |
    timeout 1 {{ socat }} -t 1 - TCP4:127.0.0.1:{{ status_port }} 2>/dev/null | grep -q '^HTTP/1\.[01] 200 '
