"""What the lab tests of the hosts target share: hosts that are emptied, and a small service."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from small_service import need, service, workload, works

from opsctl.lab import Lab
from opsctl.planning.resource import Resource
from opsctl.ports import Fence, Outcome
from opsctl.targets.hosts import HostsTarget
from opsctl.workload import Workload

TTL = 300.0


def emptied(lab: Lab) -> Iterator[Lab]:
    """The hosts, emptied after the test of what it left."""
    yield lab
    script = """
    systemctl stop 'opsctl-*' foreign memcached 2>/dev/null
    rm -rf /etc/opsctl /var/lib/opsctl /data/shop /etc/systemd/system/opsctl-*
    rm -f /etc/systemd/system/multi-user.target.wants/opsctl-* /etc/systemd/system/memcached.service
    rm -rf /run/opsctl; systemctl daemon-reload; systemctl reset-failed
    """
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda host: lab.exec(host.name, ["sh", "-c", script]), lab.hosts))


def built(
    dc: HostsTarget, count: int = 2, name: str = "small", **more: object
) -> tuple[Workload, tuple[Resource, ...]]:
    """A workload of `count` members and its resources."""
    seats = dc.seat({name: (service(), (need(count),))}, dc.recorded())
    work = workload(seats[name], name, **more)
    return work, dc.realise((work,), {name: service()})


def apply(dc: HostsTarget, resources: tuple[Resource, ...], fence: Fence) -> dict[str, Outcome]:
    return dict(dc.apply(works(resources), fence, lambda event: None))
