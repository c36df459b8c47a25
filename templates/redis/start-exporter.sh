#!/bin/sh
# Starts the exporter of {{ member }}. Written by opsctl.
# CONFIG would show it passwords, so it is not asked for; nor is its name told to the server.
# Who collects is served one after the other: when the server hangs, two of them must both hear that
# before they give the exporter itself up for dead, which is after 4 s.
{% if pod %}
# The project's own image has it at its root.
server=$(command -v prometheus-redis-exporter || echo /redis_exporter)
{% endif %}
exec {{ '"$server"' if pod else "prometheus-redis-exporter" }} \
    -web.listen-address={{ host }}:{{ port }} \
    -tls-server-cert-file={{ proof.path }} \
    -tls-server-key-file={{ proof.key }} \
    -tls-server-ca-cert-file={{ proof.authority }} \
    -redis.addr=redis://{{ server }} \
    -redis.user={{ user }} \
    -redis.password-file={{ passwords }} \
    -config-command=- \
    -set-client-name=false \
    -connection-timeout=1s
