#!/bin/sh
# Starts what tells of the backups of {{ member }}. Written by opsctl.
# The project's own image has the program under another name.
program=$(command -v prometheus-node-exporter || echo node_exporter)
exec "$program" \
    --web.listen-address=:{{ port }} \
    --web.config.file={{ web_config }} \
    --web.disable-exporter-metrics \
    --collector.disable-defaults \
    --collector.textfile \
    --collector.textfile.directory={{ folder }}
