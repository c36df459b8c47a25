#!/bin/sh
# Asks the other members who is primary before this one may believe that it is. Written by opsctl.
umask 077
{% include "redis/ask-servers.sh" %}

self='{{ address }} {{ port }}'
main={{ data_dir }}/redis.conf

{% include "redis/data.sh" %}

settle() {
    [ -n "$1" ] || check_snapshot
    {
        echo "# The server's own file: it writes here whom it follows. All else comes from opsctl's files."
        [ -z "$1" ] || echo "replicaof $1"
    } >"$main.new" && mv "$main.new" "$main" || exit 1
    echo "{{ member }} starts as $2"
    exec sh {{ config_dir }}/users.sh stamp
}

refuse() {
    echo "{{ member }} does not start: $1" >&2
    exit 1
}

was_replica=$(sed -n 's/^\(replicaof\|slaveof\) //p' "$main" 2>/dev/null | tail -n 1)
look_for_data

# A replica may start at once; one that was primary waits until every other member has spoken.
patience=$(($(date +%s) + {{ patience }}))
while :; do
    answers=$(ask_all)
    count=$(printf '%s\n' "$answers" | grep -c .)
    primaries=$(printf '%s\n' "$answers" | grep -c '^primary ')
    [ "$primaries" -eq 0 ] || break
    [ -z "$was_replica" ] || break
    [ "$count" -lt {{ peers | length }} ] && [ "$(date +%s)" -lt "$patience" ] || break
    sleep 0.3 2>/dev/null || sleep 1
done

if [ "$primaries" -gt 1 ]; then
    refuse "$primaries members say that they are primary; stop all but one"
elif [ "$primaries" -eq 1 ]; then
    primary=$(printf '%s\n' "$answers" | sed -n 's/^primary //p')
    settle "$primary" "a replica of $primary"
elif [ -n "$was_replica" ]; then
    settle "$was_replica" "a replica of $was_replica, as it was"
fi
other=$(printf '%s\n' "$answers" | sed -n -e 's/^copied //p' -e 's/^follows //p' | grep -v -x "$self" | head -n 1)
if [ -e {{ data_dir }}/start-alone ]; then
    settle '' 'primary, because a person said so in start-alone'
elif [ -n "$other" ]; then
    refuse "it was primary, but another member follows $other; run opsctl failover, or touch {{ data_dir }}/start-alone"
elif [ {{ persistence }} != none ] && [ "$empty" = yes ] &&
    printf '%s\n' "$answers" | grep -q -x "copied $self"; then
    refuse "its data is gone and a replica still has it; run opsctl failover"
fi
settle '' primary
