#!/bin/sh
# Starts the Prometheus of {{ member }}. Written by opsctl.
exec prometheus \
    --config.file={{ config }} \
    --web.config.file={{ web_config }} \
    --web.listen-address={{ host }}:{{ port }} \
    --web.enable-lifecycle \
    --storage.tsdb.path={{ data_dir }} \
    --storage.tsdb.retention.time={{ retention }}s \
    --storage.tsdb.wal-compression
