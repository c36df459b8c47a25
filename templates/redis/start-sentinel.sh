#!/bin/sh
# Tells a Sentinel that starts for the first time whom it watches. Written by opsctl.
umask 077
{% include "redis/ask.sh" %}

main={{ data_dir }}/sentinel.conf
if ! grep -q '^sentinel monitor {{ service }} ' "$main"; then
    weigh "$(ask_sentinels)"
    [ -n "$primary" ] || primary='{{ initial_address }} {{ initial_port }}'
    {
        cat "$main"
        echo "sentinel monitor {{ service }} $primary {{ quorum }}"
{% for name, value in settings %}
        echo 'sentinel {{ name }} {{ service }} {{ value }}'
{% endfor %}
    } >"$main.new" && mv "$main.new" "$main" || exit 1
    echo "{{ member }} begins to watch $primary"
fi
exec sh {{ config_dir }}/sentinel-users.sh stamp
