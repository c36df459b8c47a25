#!/bin/sh
# Starts the blackbox exporter of {{ member }}. Written by opsctl.
exec prometheus-blackbox-exporter \
    --config.file={{ config }} \
    --web.config.file={{ web_config }} \
    --web.listen-address={{ host }}:{{ port }}
