"""Faults of balancers and routes that pages are about."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from page_stage import Stage, Struck, connections, dropped, stopped

CROWD = 80  # clients: more than a server with `maxclients: 60` lets in
CROWDS = 50  # so often, to a balancer that has memory to spare
_READ_ROUTE = 6380


@contextmanager
def balancers_stopped(stage: Stage) -> Iterator[Struck]:
    with stopped(stage, "haproxy", *stage.balancers) as at:
        yield Struck(at, {"vip": stage.vip})


@contextmanager
def balancer_stopped(stage: Stage) -> Iterator[Struck]:
    _, other = stage.balancers
    with stopped(stage, "haproxy", other) as at:
        yield Struck(at, stage.named(other))


@contextmanager
def balancer_cut_from_members(stage: Stage) -> Iterator[Struck]:
    """Only HAProxy's own packets: others beside it are members themselves."""
    _, other = stage.balancers
    with dropped(stage, stage.host(other), "out meta skuid haproxy tcp dport 6379") as at:
        yield Struck(at, stage.named(other))


@contextmanager
def address_taken_twice(stage: Stage) -> Iterator[Struck]:
    _, other = stage.balancers
    host, address = stage.host(other), f"{stage.vip}/32"
    at = time.monotonic()
    stage.site.on(host, "ip", "addr", "add", address, "dev", "host0")
    try:
        yield Struck(at, {"vip": stage.vip})
    finally:
        stage.site.on(host, "ip", "addr", "del", address, "dev", "host0")


@contextmanager
def route_filled(stage: Stage) -> Iterator[Struck]:
    """`max_connections` of the route is 20."""
    at = time.monotonic()
    with connections(stage.vip, _READ_ROUTE, 24):
        yield Struck(at)


@contextmanager
def balancer_starved(stage: Stage) -> Iterator[Struck]:
    """The kernel gives the process that serves no more memory than it has, and clients come."""
    first, _ = stage.balancers
    ask = f"cd /run/opsctl/shop/balancer-dc/{first} && echo show info | socat - UNIX:admin.sock"
    (process,) = re.findall(r"(?m)^Pid: ([0-9]+)", stage.run(first, ask))
    stage.run(first, _bounded(process, "$(($(said VmSize) * 1024))"))
    try:
        with ExitStack() as crowd:
            for _ in range(CROWDS):  # no more than it takes: it may end if it gets nothing at all
                at = time.monotonic()
                crowd.enter_context(connections(stage.vip, 6379, CROWD))
                if "PoolFailed: 0\n" not in stage.run(first, ask):
                    break
            yield Struck(at, stage.named(first))
    finally:
        # It may have ended and be another one now.
        stage.run(first, f"[ ! -e /proc/{process} ] || {{ {_bounded(process, 'unlimited')}; }}")


def _bounded(process: str, size: str) -> str:
    """A bound of a process's memory, bytes. Whoever raises it again must be who runs it."""
    return (
        f"said() {{ awk -v name=$1: '$1 == name {{ print $2 }}' /proc/{process}/status; }}; "
        f"setpriv --reuid=$(said Uid) --regid=$(said Gid) --clear-groups "
        f"prlimit --pid {process} --as={size}:"
    )
