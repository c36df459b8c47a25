#!/bin/sh
# Which floating addresses are here; and whether keepalived lives. Written by opsctl.
kill -0 "$(cat {{ run_dir }}/keepalived.pid 2>/dev/null)" 2>/dev/null || exit 1
echo keepalived
ip -o addr | awk '{ split($4, part, "/"); print part[1] }' | grep -x -F{% for one in addresses %} -e {{ one }}{% endfor %} || :
