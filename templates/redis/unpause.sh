#!/bin/sh
# Ends a pause of writes, unless another member was promoted meanwhile. Written by opsctl.
# Then this server goes on waiting: Sentinel makes it a replica in some seconds, and what it would
# acknowledge until then would be lost. The pause ends by itself.
{% include "redis/ask.sh" %}

answers=$(ask_sentinels)
if printf '%s\n' "$answers" | grep -q ' yes ' ||
    printf '%s\n' "$answers" | grep -v -q ' {{ address }} {{ port }}$'; then
    echo 'another member was promoted'
    exit 0
fi
printf 'AUTH {{ ops_user }} %s\nCLIENT UNPAUSE\n' "$password" | "$cli" -p {{ port }}
