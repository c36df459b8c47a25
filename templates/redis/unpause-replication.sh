#!/bin/sh
# Ends a pause of writes; a server that was replaced meanwhile follows first, so that nothing that
# waited is acknowledged and lost. Written by opsctl for {{ member }}.
{% include "redis/ask-servers.sh" %}

primary=$(ask_all | sed -n 's/^primary //p' | head -n 1)
{
    printf 'AUTH {{ ops_user }} %s\n' "$password"
    [ -z "$primary" ] || printf 'REPLICAOF %s\nCONFIG REWRITE\n' "$primary"
    echo 'CLIENT UNPAUSE'
} | "$cli" -p {{ port }}
