#!/bin/sh
# start-keepalived.sh [reload]: makes the file that keepalived reads. Written by opsctl.
umask 077
file={{ run_dir }}/keepalived.conf
# The interface that has this host's own address.
own=$(ip -o addr | awk -v own='{{ own }}' '{ split($4, part, "/"); if (part[1] == own) { print $2; exit } }')
if [ -z "$own" ]; then
    echo '{{ member }}: no network interface has {{ own }}' >&2
    exit 1
fi
case '{{ own }}' in
    *:*) family=6 ;;
    *) family=4 ;;
esac
sed -e "s/@$family@//" -e '/@[46]@/d' {% for one in instances %}-e "s|@{{ one.name }}@|{{ one.interface or "$own" }}|" {% endfor %}{{ config_dir }}/keepalived.conf >"$file.new" &&
    keepalived -t -f "$file.new" && mv "$file.new" "$file" || exit 1
if [ "$1" != reload ]; then
    rm -f {{ run_dir }}/joined
    : >{{ run_dir }}/joining
    # Who has had these peers for some minutes is known to them too: after a boot it need not wait,
    # for until it has joined nobody may stand behind the holder.
    [ -z "$(find {{ config_dir }}/keepalived.conf -mmin +2)" ] || : >{{ run_dir }}/joined
    exit
fi
kill -HUP "$(cat {{ run_dir }}/keepalived.pid)"
