#!/bin/sh
# Before this server stops: if it is primary, a replica that has every write takes over first, so that
# clients wait for a second or two and nothing acknowledged is lost. Written by opsctl for {{ member }}.
# Where that can't be had within {{ limit }} s it stops as it is. It never fails.
# One that died is not there any more to hand anything over: systemd says which it is.
[ "${SERVICE_RESULT:-success}" = success ] || exit 0
{% include "redis/ask.sh" %}

now() { date +%s; }
end=$(($(now) + {{ limit }}))
soon=$(($(now) + {{ limit }} / 3))

# say HOST PORT COMMAND...: what a server answers to each.
say() {
    host=$1 port=$2
    shift 2
    { printf 'AUTH {{ ops_user }} %s\n' "$password"; printf '%s\n' "$@"; } |
        timeout 2 "$cli" -h "$host" -p "$port" 2>/dev/null | tr -d '\r'
}
own() { say 127.0.0.1 {{ port }} "$@"; }
field() { sed -n "s/^$1://p"; }

# The replicas that have everything up to an offset.
caught_up() {
{% for peer in peers %}
    say {{ peer.address }} {{ peer.port }} 'INFO replication' | has "$1" &
{% endfor %}
    wait
}
has() {
    awk -F : -v wanted="$1" '
        $1 == "role" && $2 == "slave" { replica = 1 }
        $1 == "master_link_status" && $2 == "up" { linked = 1 }
        $1 == "slave_repl_offset" && $2 + 0 >= wanted + 0 { there = 1 }
        END { if (replica && linked && there) print "has it" }'
}

# "HOST PORT" of who says that it is primary now, beside this one.
promoted() {
{% for peer in peers %}
    [ "$(say {{ peer.address }} {{ peer.port }} ROLE | sed -n 2p)" != master ] || echo '{{ peer.address }} {{ peer.port }}' &
{% endfor %}
    wait
}

# By another member's Sentinel: the one beside this server may be stopping too.
order() {
    while read -r host port; do
        case $(say "$host" "$port" 'SENTINEL FAILOVER {{ service }}' </dev/null | sed -n 2p) in
            OK | INPROG*) return 0 ;;
        esac
    done <<SENTINELS
{% for peer in others %}
{{ peer.address }} {{ peer.port }}
{% endfor %}
SENTINELS
    return 1
}

info=$(own 'INFO replication')
[ "$(printf '%s\n' "$info" | field role)" = master ] || exit 0
replicas=$(printf '%s\n' "$info" | field connected_slaves)
[ "${replicas:-0}" -gt 0 ] || exit 0

# Whom Sentinel chooses is not said here: so every replica must have every write.
everybody() {
    wanted=$(own 'INFO replication' | field master_repl_offset)
    [ -n "$wanted" ] && [ "$(caught_up "$wanted" | grep -c .)" -ge "$replicas" ]
}
# While writes go on the last ones are always missing: so up to now.
wanted=$(own 'INFO replication' | field master_repl_offset)
while [ "$(caught_up "${wanted:-0}" | grep -c .)" -lt "$replicas" ]; do
    if [ "$(now)" -ge "$soon" ]; then
        echo '{{ member }} stops as primary: a replica lags' >&2
        exit 0
    fi
    pause
done
# A Sentinel's own words wait too, so a long pause looks like a server that is down.
own 'CLIENT PAUSE {{ limit * 1000 }} WRITE' >/dev/null
ready=no
tries=0
while [ "$tries" -lt {{ tries }} ]; do
    if everybody; then
        ready=yes
        break
    fi
    tries=$((tries + 1))
    sleep 0.1 2>/dev/null || break
done
if [ "$ready" = yes ] && order; then
    while [ "$(now)" -lt "$end" ]; do
        new=$(promoted | head -n 1)
        if [ -n "$new" ]; then
            # In this order: a write that waited is refused, not lost.
            own "REPLICAOF $new" 'CONFIG REWRITE' 'CLIENT UNPAUSE' 'CLIENT KILL TYPE normal' \
                'CLIENT KILL TYPE pubsub' >/dev/null
            echo "{{ member }} handed over to $new"
            exit 0
        fi
        sleep 0.1 2>/dev/null || sleep 1
    done
fi
echo '{{ member }} stops as primary: nobody took over' >&2
sh {{ config_dir }}/unpause.sh >/dev/null
exit 0
