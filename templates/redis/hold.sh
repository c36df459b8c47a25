#!/bin/sh
# Keeps a Sentinel from calling its primary down (hold), and lets it again (release): a maintenance.
# The host's own timer runs it too, so it needs nothing but this host. Exit 0: the Sentinel says so
# itself. Written by opsctl for {{ member }}.
case $1 in
    hold) value={{ held }} ;;
    release) value={{ released }} ;;
    *) echo "usage: hold.sh hold|release" >&2; exit 2 ;;
esac
password=$(cat {{ auth_file }}) || exit 1
said=$(printf 'AUTH {{ ops_user }} %s\nSENTINEL SET {{ service }} {{ setting }} %s\nSENTINEL MASTER {{ service }}\n' \
    "$password" "$value" | timeout 5 {{ cli }} -p {{ port }} 2>&1)
found=$(printf '%s\n' "$said" | sed -n '/^{{ setting }}$/{n;p;}')
if [ "$found" != "$value" ]; then
    printf '%s\n' "the Sentinel has {{ setting }} '$found', not $value: $(printf %s "$said" | head -n 1)" >&2
    exit 1
fi
