#!/bin/sh
# reach.sh ADDRESS: fails when the local balancer says that ADDRESS is of no use here, for it is cut off
# from too many others. Written by opsctl for {{ member }}. One that says nothing is up to serves.sh.
! printf 'GET /reach/%s HTTP/1.0\r\n\r\n' "$1" |
    timeout 1 {{ socat }} -t 1 - TCP4:127.0.0.1:{{ status_port }} 2>/dev/null | grep -q '^HTTP/1\.[01] 503 '
