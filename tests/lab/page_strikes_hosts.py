"""Faults of hosts that pages are about."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lab_site import await_until
from monitoring_client import issue, query
from page_stage import Stage, Struck, folder

SECONDS = 1800.0  # until a fault of the lab heals itself: far more than any test takes
DAY = 86_400
IDLE = "n2"  # nobody writes to its /data


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
