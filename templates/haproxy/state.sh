#!/bin/sh
# state.sh start|reload: what the next process believes of the servers. Written by opsctl.
# Left alone, HAProxy takes every server for up until it has asked: for a moment, replicas and a
# replaced primary would get clients. So all are down at a start; at a reload what was known stays
# known, and what is new is down. Down ends with the first checks.
umask 077
cd {{ run_dir }} || exit 1
case $1 in
    start) known= ;;
    reload) known=$(echo 'show servers state' | timeout 5 {{ socat }} -t 5 - UNIX-CONNECT:admin.sock) || known= ;;
esac
printf '%s\n' "$known" | awk '
    NR == FNR { if (NF > 20 && $1 != "#") seen[$2 " " $4] = $0; next }
    /^[0-9]+$/ || $1 == "#" { print; next }
    { print (($2 " " $4) in seen) ? seen[$2 " " $4] : $0 }
' - {{ config_dir }}/unasked.state >state.new && mv state.new state
