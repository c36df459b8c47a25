#!/bin/sh
# Starts the exporter of {{ member }}. Written by opsctl.
# CONFIG would show it passwords, so it is not asked for; nor is its name told to the server.
exec prometheus-redis-exporter \
    -web.listen-address={{ host }}:{{ port }} \
    -redis.addr=redis://{{ server }} \
    -redis.user={{ user }} \
    -redis.password-file={{ passwords }} \
    -config-command=- \
    -set-client-name=false \
    -connection-timeout=3s
