#!/bin/sh
# Starts the Alertmanager of {{ member }}. Written by opsctl.
# Members wait for each other before they tell: short, as a page is to be there in 45 seconds.
exec prometheus-alertmanager \
    --config.file={{ config }} \
    --web.config.file={{ web_config }} \
    --web.listen-address={{ host }}:{{ port }} \
    --storage.path={{ data_dir }} \
{% if peers %}
    --cluster.tls-config={{ gossip }} \
    --cluster.listen-address={{ host or "0.0.0.0" }}:{{ peer_port }} \
{% if not host %}
    --cluster.advertise-address={{ own }}:{{ peer_port }} \
{% endif %}
    --cluster.peer-timeout=5s \
    --cluster.settle-timeout=10s \
{% for peer in peers %}
    --cluster.peer={{ peer }}{{ " \\" if not loop.last else "" }}
{% endfor %}
{% else %}
    --cluster.listen-address=
{% endif %}
