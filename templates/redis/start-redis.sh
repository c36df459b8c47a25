#!/bin/sh
# Asks the Sentinels who is primary before this server may believe that it is. Written by opsctl.
umask 077
{% include "redis/ask.sh" %}

{% include "redis/data.sh" %}

self='{{ address }} {{ port }}'
main={{ data_dir }}/redis.conf
majority={{ majority }}
now() { date +%s; }

# Keeps of the server's own file what is its own: whom it follows.
settle() {
    : >"$lived"
    [ -n "$1" ] || check_snapshot
    {
        echo "# The server's own file: it writes here whom it follows. All else comes from opsctl's files."
        [ -z "$1" ] || echo "replicaof $1"
    } >"$main.new" && mv "$main.new" "$main" || exit 1
    echo "{{ member }} starts as $2"
    exec sh {{ config_dir }}/users.sh stamp
}

# A primary that died steps aside: a replica that has all data serves sooner than this one could, whose
# replicas would have to copy everything again. After a boot it comes back as it was: the others may
# have been gone as well, and it has the newest data.
lived={{ run_dir }}/redis.lived
died=no
[ ! -e "$lived" ] || died=yes
was_replica=$(sed -n 's/^\(replicaof\|slaveof\) //p' "$main" 2>/dev/null | tail -n 1)
look_for_data

patience=$(($(now) + {{ patience }}))
handover=$((patience + {{ handover }}))
aside=$(($(now) + {{ aside }}))
while :; do
    weigh "$(ask_sentinels)"
    if [ "$count" -ge "$majority" ] && [ "$busy" = no ]; then
        [ "$primary" = "$self" ] || settle "$primary" "a replica of $primary"
        # Empty while replicas hold the data: they would copy the emptiness. Once Sentinel sees that
        # this server stays down it promotes one of them.
        until=0
        [ "$died" = no ] || until=$aside
        [ "$empty" = no ] || until=$handover
        if [ "$replicas" -eq 0 ] || [ "$(now)" -ge "$until" ]; then
            settle '' primary
        fi
    elif [ "$(now)" -ge "$patience" ]; then
        break
    fi
    pause
done

[ -z "$was_replica" ] || settle "$was_replica" "a replica of $was_replica, as it was"
if [ -e {{ data_dir }}/start-alone ]; then
    settle '' 'primary, because a person said so in start-alone'
fi
if [ "$empty" = yes ] && [ {{ initial }} = yes ]; then
    if [ "$count" -gt 0 ] && [ "$primary" != "$self" ]; then
        settle "$primary" "a replica of $primary"
    fi
    settle '' 'primary of a new service'
fi
echo "{{ member }} was primary, and $count of {{ members }} Sentinels answer: $majority must say who is primary now." >&2
echo "It asks again. If the others are lost for good: touch {{ data_dir }}/start-alone" >&2
exit 1
