"""Where the FAULTS of benchmarks.paging are struck, and by what means."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import route_client
from lab_site import Site, await_until
from monitoring_client import Webhook


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that stands: since when (monotonic), and what labels of alerts say of it."""

    at: float
    words: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """A site, who hears of it, and where its members sit: they do not move. Faults of a Prometheus
    befall the `victim`, and the other one tells."""

    site: Site
    heard: Webhook
    seats: Mapping[str, str]
    victim: str = "metrics-dc-0"
    watcher: str = "metrics-dc-1"

    def host(self, member: str) -> str:
        return self.seats[member]

    def member(self, service: str, host: str) -> str:
        """That of the service on the host."""
        (found,) = [
            name
            for name, seat in self.seats.items()
            if seat == host and name.rpartition("-")[0] == service
        ]
        return found

    def named(self, member: str) -> Mapping[str, str]:
        return {"member": member, "host": self.host(member)}

    def address(self, host: str) -> str:
        return next(one.address for one in self.site.lab.hosts if one.name == host)

    def run(self, member: str, script: str) -> str:
        """What a script on the member's host prints; it must succeed."""
        return self.site.shell(self.host(member), script)

    def systemctl(self, member: str, component: str, *verb: str) -> None:
        self.site.on(self.host(member), "systemctl", *verb, unit(member, component))

    def process(self, member: str, component: str) -> str:
        """The main process of a unit."""
        show = ("systemctl", "show", "-P", "MainPID", unit(member, component))
        return self.site.on(self.host(member), *show).strip()

    @property
    def vip(self) -> str:
        return route_client.vip(self.site)

    @property
    def balancers(self) -> tuple[str, str]:
        """The one that has the address, and the other one."""
        holder = await_until(
            lambda: route_client.holder(self.site, self.vip), bool, "one holder of the address"
        )
        first = self.member("balancer-dc", holder)
        (second,) = {"balancer-dc-0", "balancer-dc-1"} - {first}
        return first, second


Strike = Callable[[Stage], AbstractContextManager[Struck]]


def unit(member: str, component: str) -> str:
    return f"opsctl-shop-{member.rpartition('-')[0]}-{component}@{member}.service"


@contextmanager
def stopped(stage: Stage, component: str, *names: str) -> Iterator[float]:
    """Members of a service stopped, all at once on their hosts; gives when that was asked for."""
    at = time.monotonic()
    for name in names:
        stage.systemctl(name, component, "stop", "--no-block")
    try:
        yield at
    finally:
        for name in names:
            stage.systemctl(name, component, "start")


@contextmanager
def hung(stage: Stage, component: str, name: str) -> Iterator[float]:
    at = time.monotonic()
    stage.systemctl(name, component, "kill", "--signal=STOP")
    try:
        yield at
    finally:
        stage.systemctl(name, component, "kill", "--signal=CONT")


@contextmanager
def dropped(stage: Stage, host: str, *rules: str) -> Iterator[float]:
    """Packets that leave the host, or come in, by rules of nftables ("out ..." and "in ...")."""
    chains = "".join(
        f"chain {way}ward {{ type filter hook {way}put priority -10; "
        + " ".join(f"{rule.partition(' ')[2]} drop;" for rule in rules if rule.startswith(way))
        + " }\n"
        for way in ("in", "out")
    )
    at = time.monotonic()
    stage.site.on(host, "nft", "-f", "-", text=f"table inet pages {{\n{chains}}}\n")
    try:
        yield at
    finally:
        stage.site.on(host, "nft", "delete", "table", "inet", "pages")


@contextmanager
def rewritten(
    stage: Stage, member: str, component: str, path: str, change: Callable[[str], str]
) -> Iterator[float]:
    """A file of a server written anew, and taken in by a reload."""
    host = stage.host(member)
    text = stage.site.on(host, "cat", path)
    changed = change(text)
    assert changed != text
    at = time.monotonic()
    stage.site.on(host, "tee", path, text=changed)
    stage.systemctl(member, component, "reload")
    try:
        yield at
    finally:
        stage.site.on(host, "tee", path, text=text)
        stage.systemctl(member, component, "reload")


def folder(member: str) -> str:
    return f"/etc/opsctl/shop/{member.rpartition('-')[0]}/{member}"


@contextmanager
def connections(address: str, port: int, count: int) -> Iterator[Sequence[socket.socket]]:
    """Clients that connect and say nothing, until one is not let in."""
    with ExitStack() as stack:
        made = []
        with suppress(OSError):
            for _ in range(count):
                made.append(stack.enter_context(socket.create_connection((address, port), 3)))
        yield made
