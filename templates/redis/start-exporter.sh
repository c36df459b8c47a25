#!/bin/sh
# Starts the exporter of {{ member }}. Written by opsctl.
# CONFIG would show it passwords, so it is not asked for; nor is its name told to the server.
# Who collects is served one after the other: when the server hangs, two of them must both hear that
# before they give the exporter itself up for dead, which is after 4 s.
exec prometheus-redis-exporter \
    -web.listen-address={{ host }}:{{ port }} \
    -redis.addr=redis://{{ server }} \
    -redis.user={{ user }} \
    -redis.password-file={{ passwords }} \
    -config-command=- \
    -set-client-name=false \
    -connection-timeout=1s
