"""The FAULTS of benchmarks.paging on real hosts: each is struck, and undone at the end."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import redis
import route_client
from lab_site import Site, await_until
from monitoring_client import Webhook, issue, query

SECONDS = 1800.0  # until a fault of the lab heals itself: far more than any test takes
DAY = 86_400
CROWD = 80  # clients: more than a server with `maxclients: 60` lets in
CROWDS = 50  # so often, to a balancer that has memory to spare
_READ_ROUTE = 6380
IDLE = "n2"  # nobody writes to its /data


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


# -- balancers and routes ---------------------------------------------------------------------


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
def connections(address: str, port: int, count: int) -> Iterator[Sequence[socket.socket]]:
    """Clients that connect and say nothing, until one is not let in."""
    with ExitStack() as stack:
        made = []
        with contextlib.suppress(OSError):
            for _ in range(count):
                made.append(stack.enter_context(socket.create_connection((address, port), 3)))
        yield made


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


# -- Redis ------------------------------------------------------------------------------------


@contextmanager
def replica_hung(stage: Stage) -> Iterator[Struck]:
    replica = min(route_client.replicas(stage.site))
    with hung(stage, "redis", replica) as at:
        yield Struck(at, stage.named(replica))


@contextmanager
def replicas_stopped(stage: Stage) -> Iterator[Struck]:
    with stopped(stage, "redis", *route_client.replicas(stage.site)) as at:
        yield Struck(at)


@contextmanager
def sentinels_stopped(stage: Stage) -> Iterator[Struck]:
    with stopped(stage, "sentinel", *route_client.replicas(stage.site)) as at:
        yield Struck(at)


@contextmanager
def primary_hung_without_sentinels(stage: Stage) -> Iterator[Struck]:
    primary = route_client.primary(stage.site)
    with sentinels_stopped(stage):
        for member in route_client.replicas(stage.site):
            ended = partial(stage.process, member, "sentinel")
            await_until(ended, lambda process: process == "0", f"the end of {member}'s Sentinel")
        with hung(stage, "redis", primary) as at:
            yield Struck(at)


@contextmanager
def primary_cut_off(stage: Stage) -> Iterator[Struck]:
    """Redis and Sentinels alone: whoever watches reaches both sides."""
    primary = route_client.primary(stage.site)
    others = ", ".join(
        stage.address(stage.host(member)) for member in route_client.replicas(stage.site)
    )
    ports = "{ 6379, 26379 }"
    rules = [
        f"{way} ip {side} {{ {others} }} tcp {end} {ports}"
        for way, side in (("in", "saddr"), ("out", "daddr"))
        for end in ("dport", "sport")
    ]
    with dropped(stage, stage.host(primary), *rules) as at:
        yield Struck(at)


def cart(stage: Stage) -> redis.Redis[Any]:
    """A client of the small service that has one member and no route."""
    address = stage.address(stage.host("cart-0"))
    return route_client.client(stage.site, address, 6390, service="cart")


@contextmanager
def server_filled(stage: Stage) -> Iterator[Struck]:
    client, keys = cart(stage), 0
    at = time.monotonic()
    for size in (256 * 1024, 4 * 1024):
        with contextlib.suppress(redis.OutOfMemoryError):
            while keys < 10_000:
                client.set(f"full:{keys}", "x" * size)
                keys += 1
    try:
        yield Struck(at, stage.named("cart-0"))
    finally:
        for key in range(keys):
            client.unlink(f"full:{key}")


@contextmanager
def server_crowded(stage: Stage) -> Iterator[Struck]:
    """Who measures it gets in, too, when some have left."""
    address = stage.address(stage.host("cart-0"))
    at = time.monotonic()
    with connections(address, 6390, CROWD):
        time.sleep(0.5)  # the crowd stays for a moment
    yield Struck(at, stage.named("cart-0"))


@contextmanager
def server_disk_filled(stage: Stage) -> Iterator[Struck]:
    """Clients go on to write, and somebody asks for a snapshot."""
    site, host = stage.site, stage.host("cart-0")
    at = time.monotonic()
    site.lab.faults.fill_disk(host, "/data", for_=SECONDS)
    try:
        client = cart(stage)
        with contextlib.suppress(redis.RedisError):
            for key in range(200):
                client.set(f"more:{key}", "x" * 16_384, ex=60)
        site.run("connect", "cart/cart-0", "BGSAVE")
        yield Struck(at, stage.named("cart-0"))
    finally:
        site.lab.faults.free(host)
        # A snapshot that succeeds is what ends it; none is scheduled here.
        await_until(
            lambda: _saved(site), lambda said: "last_bgsave_status:ok" in said, "a snapshot"
        )


def _saved(site: Site) -> str:
    site.run("connect", "cart/cart-0", "BGSAVE")
    return site.ok("connect", "cart/cart-0", "INFO", "persistence").out


# -- who watches and tells --------------------------------------------------------------------


@contextmanager
def alertmanager_stopped(stage: Stage) -> Iterator[Struck]:
    with stopped(stage, "alertmanager", "alerts-dc-0") as at:
        yield Struck(at, stage.named("alerts-dc-0"))


@contextmanager
def prometheus_stopped(stage: Stage) -> Iterator[Struck]:
    with stopped(stage, "prometheus", stage.victim) as at:
        yield Struck(at, stage.named(stage.victim))


@contextmanager
def prometheus_told_of_nobody(stage: Stage) -> Iterator[Struck]:
    path = f"{folder(stage.victim)}/prometheus.yml"
    nobody = partial(re.sub, r"(?ms)^alerting:.*?(?=^\S)", "")
    with rewritten(stage, stage.victim, "prometheus", path, nobody) as at:
        yield Struck(at, stage.named(stage.victim))


@contextmanager
def messages_refused(stage: Stage) -> Iterator[Struck]:
    """Of the Alertmanager that tells first; the clock starts with the first that is refused."""
    heard = stage.heard
    await_until(lambda: heard.senders, bool, "a message", 150)
    sender = heard.senders[-1]
    (host,) = [one.name for one in stage.site.lab.hosts if one.address == sender]
    teller = stage.member("alerts-dc", host)
    before = len(heard.refusals)
    heard.refused.add(sender)
    try:
        refusals = await_until(lambda: heard.refusals[before:], bool, f"a message of {teller}", 150)
        yield Struck(refusals[0], stage.named(teller))
    finally:
        heard.refused.discard(sender)


@contextmanager
def rule_broken(stage: Stage) -> Iterator[Struck]:
    """Two series of each name match one: what an evaluation refuses and no check can see."""
    group = """\
  - name: "broken"
    rules:
      - record: broken:up:count
        expr: |-
          up{job="node"} + on (environment) up{job="node"}
"""
    path = f"{folder(stage.victim)}/rules-shop-hosts-dc.yaml"
    broken = partial(_followed_by, more=group)
    with rewritten(stage, stage.victim, "prometheus", path, broken) as at:
        yield Struck(at, stage.named(stage.victim))


def _followed_by(text: str, more: str) -> str:
    return text.rstrip("\n") + "\n" + more


@contextmanager
def prometheus_cut_off(stage: Stage) -> Iterator[Struck]:
    """Of one that has just started it would not be told."""
    started = f'process_start_time_seconds{{job="prometheus", member="{stage.victim}"}}'
    grown = f"time() - {started} > 180"
    await_until(lambda: query(stage.site, grown, stage.watcher), bool, "three minutes", 200)
    host = stage.host(stage.victim)
    with dropped(stage, host, "out meta skuid prometheus tcp dport 9093") as at:
        yield Struck(at, stage.named(stage.victim))


@contextmanager
def prometheus_disk_filled(stage: Stage) -> Iterator[Struck]:
    host = stage.host(stage.victim)
    at = time.monotonic()
    stage.site.lab.faults.fill_disk(host, "/data", for_=SECONDS)
    try:
        yield Struck(at, stage.named(stage.victim))
    finally:
        stage.site.lab.faults.free(host)


# -- hosts ------------------------------------------------------------------------------------


@contextmanager
def disk_filling(stage: Stage) -> Iterator[Struck]:
    """Of 256 MiB 38 are left: what goes on like this is full within the hour."""
    at = time.monotonic()
    stage.site.lab.faults.fill_disk(IDLE, "/data", leave_mib=38, for_=SECONDS)
    try:
        yield Struck(at, {"host": IDLE})
    finally:
        stage.site.lab.faults.free(IDLE)


@contextmanager
def disk_read_only(stage: Stage) -> Iterator[Struck]:
    """It is one that could be written to ten minutes ago, as far as anybody knows."""
    known = f'node_filesystem_readonly{{host="{IDLE}", mountpoint="/data"}} offset 10m == 0'
    await_until(
        lambda: query(stage.site, known, stage.watcher), bool, "ten minutes of measuring", 700
    )
    at = time.monotonic()
    stage.site.on(IDLE, "mount", "-o", "remount,ro", "/data")
    try:
        yield Struck(at, {"host": IDLE})
    finally:
        stage.site.on(IDLE, "mount", "-o", "remount,rw", "/data")


@contextmanager
def memory_gone(stage: Stage) -> Iterator[Struck]:
    """The kernel's own words are covered by others: a lab's hosts have the machine's memory, which
    is everybody's."""
    process = stage.process(stage.member("hosts-dc", IDLE), "exporter")
    inside = f"nsenter --target {process} --mount"
    words = "/run/pages-meminfo"
    said = "s/^MemAvailable: .*/MemAvailable: 1024 kB/"
    at = time.monotonic()
    stage.site.shell(IDLE, f"sed '{said}' /proc/meminfo >{words} && chmod 644 {words}")
    stage.site.shell(IDLE, f"{inside} mount --bind {words} /proc/meminfo")
    try:
        yield Struck(at, {"host": IDLE})
    finally:
        stage.site.shell(IDLE, f"{inside} umount /proc/meminfo; rm {words}")


@contextmanager
def certificate_old(stage: Stage) -> Iterator[Struck]:
    """As an apply left it that nobody repeated: two days are left. The next apply renews it."""
    site = stage.site
    host = IDLE
    member = stage.member("hosts-dc", host)
    left = 2.0 * DAY
    pem = issue(site, member, "exporter", stage.address(host), left)
    told = "/var/lib/opsctl-metrics/shop/opsctl.prom"
    ends = f"s/^\\(opsctl_certificate_end_time_seconds\\) .*/\\1 {round(time.time() + left)}/"
    at = time.monotonic()
    site.on(host, "tee", f"{folder(member)}/web.pem", text=pem)
    site.on(host, "sed", "-i", ends, told)
    try:
        yield Struck(at, stage.named(member))
    finally:
        site.ok("apply", "--yes")


@contextmanager
def host_killed(stage: Stage) -> Iterator[Struck]:
    host, faults = stage.host(stage.victim), stage.site.lab.faults
    at = time.monotonic()
    fault = faults.kill(host, for_=SECONDS)
    try:
        yield Struck(at, {"host": host})
    finally:
        faults.heal(fault)


@contextmanager
def hosts_unplugged(stage: Stage) -> Iterator[Struck]:
    """All but one that watches and tells."""
    left, faults = stage.host(stage.watcher), stage.site.lab.faults
    others = [host.name for host in stage.site.lab.hosts if host.name != left]
    at = time.monotonic()
    fault = faults.unplug(*others, for_=SECONDS)
    try:
        yield Struck(at)
    finally:
        faults.heal(fault)


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
