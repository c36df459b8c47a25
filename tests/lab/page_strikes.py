"""The FAULTS of benchmarks.paging on real hosts: each is struck, and undone at the end."""

from __future__ import annotations

from collections.abc import Mapping

from page_stage import Strike
from page_strikes_balancers import (
    address_taken_twice,
    balancer_cut_from_members,
    balancer_starved,
    balancer_stopped,
    balancers_stopped,
    route_filled,
)
from page_strikes_hosts import (
    certificate_old,
    disk_filling,
    disk_read_only,
    host_killed,
    hosts_unplugged,
    memory_gone,
)
from page_strikes_servers import (
    primary_cut_off,
    primary_hung_without_sentinels,
    replica_hung,
    replicas_stopped,
    sentinels_stopped,
    server_crowded,
    server_disk_filled,
    server_filled,
)
from page_strikes_watchers import (
    alertmanager_stopped,
    messages_refused,
    prometheus_cut_off,
    prometheus_disk_filled,
    prometheus_stopped,
    prometheus_told_of_nobody,
    rule_broken,
)

STRIKES: Mapping[str, Strike] = {
    strike.__name__: strike
    for strike in (
        balancers_stopped, balancer_stopped, balancer_cut_from_members, address_taken_twice,
        route_filled, balancer_starved, replica_hung, replicas_stopped, sentinels_stopped,
        primary_hung_without_sentinels, primary_cut_off, server_filled, server_crowded,
        server_disk_filled, alertmanager_stopped, prometheus_stopped, prometheus_told_of_nobody,
        messages_refused, rule_broken, prometheus_cut_off, prometheus_disk_filled, disk_filling,
        disk_read_only, memory_gone, certificate_old, host_killed, hosts_unplugged,
    )
}  # fmt: skip
