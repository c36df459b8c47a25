"""A Redis client as applications have it behind a route: one address, no Sentinels."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import redis
from lab_site import Site
from redis_client import password, roles

ROUTES = """\
routes:
  sessions: {to: sessions, vip: VIP}
  read: {to: sessions, role: replica, vip: VIP, port: 6380, balance: roundrobin}
"""
SPEC = """\
opsctl: 1
name: shop
targets:
  dc: {{hosts: 'lab:{lab}'}}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: fast
    memory: 64MiB
"""
NOT_PRIMARY = "does not say that it is primary"


def vip(site: Site, number: int = 100) -> str:
    """An address of the lab's network that no host has."""
    return str(ipaddress.ip_network(f"{site.lab.hosts[0].address}/24", strict=False)[number])


def client(
    site: Site, host: str, port: int = 6379, *, service: str = "sessions", timeout: float = 3.0
) -> redis.Redis[Any]:
    """One that tries each command once: what a route does is seen, not what a client makes good."""
    return redis.Redis(
        host=host, port=port, username="app", password=password(site, f"{service}/user/app"),
        socket_timeout=timeout, socket_connect_timeout=timeout, decode_responses=True,
        single_connection_client=True,
    )  # fmt: skip


def server(connection: redis.Redis[Any]) -> str:
    """The address of the server that answers."""
    return str(connection.client_info()["laddr"]).rpartition(":")[0]


def route(site: Site, name: str = "sessions") -> Mapping[str, Any]:
    """How `opsctl status` sees it."""
    found = next(one for one in site.status()["routes"] if one["name"] == name)
    assert isinstance(found, dict)
    return found


def holder(site: Site, address: str) -> str:
    """The host that has the address; "" where none or several have it."""
    hosts = [host.name for host in site.lab.hosts if address in addresses(site, host.name)]
    return hosts[0] if len(hosts) == 1 else ""


def addresses(site: Site, host: str) -> list[str]:
    """Of one host; none where it is away."""
    ended = site.lab.exec(host, ["ip", "-o", "addr"], timeout=20)
    return [line.split()[3].partition("/")[0] for line in ended.stdout.splitlines()]


def replicas(site: Site) -> set[str]:
    return {name for name, role in roles(site, "sessions").items() if role == "replica"}


def primary(site: Site) -> str:
    return next(name for name, role in roles(site, "sessions").items() if role == "primary")


@dataclass
class Visits:
    """What clients saw that came one after the other: roles, or why they were not served."""

    roles: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def visits(site: Site, host: str, port: int) -> Iterator[Visits]:
    """New clients all the time, each with a connection of its own."""
    found, secret = Visits(), password(site, "sessions/user/app")

    def visit() -> None:
        while not found.ended.wait(0.02):
            try:
                with redis.Redis(
                    host=host, port=port, username="app", password=secret, socket_timeout=3.0,
                    single_connection_client=True, decode_responses=True,
                ) as one:  # fmt: skip
                    found.roles.append(str(one.role()[0]))
            except redis.RedisError as error:
                found.failed.append(f"{time.monotonic():.2f} {error}")

    thread = threading.Thread(target=visit)
    thread.start()
    try:
        yield found
    finally:
        found.ended.set()
        thread.join(30)


def serving(site: Site, host: str, port: int) -> list[str]:
    """The processes that clients of a port are connected to, one for each client."""
    said = site.shell(host, f"ss -Htnp state established 'sport = :{port}' | grep haproxy || true")
    return [part.partition(",")[0] for part in said.split("pid=")[1:]]


def worker(site: Site, host: str) -> str:
    """The process that is asked how a balancer stands: the newest one."""
    folder = "cd /run/opsctl/shop/*/*-[0-9]/ && echo 'show info'"
    said = site.shell(host, f"{folder} | socat - UNIX-CONNECT:admin.sock")
    return next(line.split()[1] for line in said.splitlines() if line.startswith("Pid:"))


def assert_no_balancers(site: Site, addresses_: Iterable[str], *hosts: str) -> None:
    """No address, no process, no unit and no file of any is on these hosts."""
    for host in hosts:
        assert not set(addresses_) & set(addresses(site, host))
        assert site.shell(host, "pgrep -l '^(haproxy|keepalived)$' || true") == ""
        script = (
            "find /etc/opsctl /etc/systemd/system /var/lib/opsctl "
            "-name '*haproxy*' -o -name '*keepalived*' -o -name '*balancer*' -o -name 'edge*'"
        )
        left = site.shell(host, f"{script} 2>/dev/null || true").split()
        assert left == []
