#!/bin/sh
# Starts the node exporter of {{ member }}. Written by opsctl.
# Only collectors that are looked at: each of the others costs every host something at every scrape.
exec prometheus-node-exporter \
    --web.listen-address={{ host }}:{{ port }} \
    --web.config.file={{ web_config }} \
    --collector.disable-defaults \
{% if root != "/" %}
    --path.rootfs={{ root }} \
    --path.procfs={{ root }}/proc \
    --path.sysfs={{ root }}/sys \
{% endif %}
{% for collector in collectors %}
    --collector.{{ collector }} \
{% endfor %}
    --collector.filesystem.mount-points-exclude='^/(dev|proc|sys|run{{ "|var/lib/(kubelet/pods|containerd/.+|containers/.+|docker/.+)" if root != "/" }})($|/)' \
    --collector.filesystem.fs-types-exclude='^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$' \
    --collector.netdev.device-exclude='^(lo|veth.*|cali.*|docker.*)$' \
    --collector.netdev.address-info \
    --collector.textfile.directory={{ textfile }}
