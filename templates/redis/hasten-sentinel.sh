#!/bin/sh
# Tells a Sentinel how often to ask, for it keeps that in no file. Not needed to serve, so it never
# fails. Written by opsctl.
password=$(cat {{ auth_file }}) || exit 0
tries=0
while [ "$tries" -lt 20 ]; do
    said=$(printf 'AUTH {{ ops_user }} %s\nSENTINEL DEBUG {{ pace }}\n' "$password" |
        timeout 2 {{ cli }} -p {{ port }} 2>&1)
    case $said in
        *OK*OK*) exit 0 ;;
    esac
    tries=$((tries + 1))
    sleep 0.2 2>/dev/null || sleep 1
done
echo "{{ member }}: Sentinel keeps its own pace: $said" >&2
exit 0
