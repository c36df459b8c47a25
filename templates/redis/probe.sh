#!/bin/sh
# probe.sh live|ready: whether this {{ component }} is there, and may serve. Written by opsctl.
password=$(cat {{ auth_file }}) || exit 1
ask() {
    printf 'AUTH {{ ops_user }} %s\n%s\n' "$password" "$1" | timeout 2 {{ cli }} -p {{ port }} 2>&1
}
case $1 in
    live)
        # Any answer is life: LOADING, BUSY and MASTERDOWN are a server at work.
        case $(ask PING) in
            '' | 'Could not connect'*) exit 1 ;;
        esac
        ;;
    ready)
{% if component == "redis" %}
        info=$(ask 'INFO replication persistence' | tr -d '\r')
        case $info in
            *loading:1* | *master_link_status:down* | *master_sync_in_progress:1*) exit 1 ;;
            *role:*) ;;
            *) exit 1 ;;
        esac
{% else %}
        case $(ask PING) in
            *PONG*) ;;
            *) exit 1 ;;
        esac
{% endif %}
        ;;
esac
