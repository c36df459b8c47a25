"""What the lab tests of bad days share: the spec, what hosts keep, somebody else's processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lab_site import Ended, Site, await_until
from redis_client import await_whole, write

SPEC = """\
opsctl: 1
name: shop
targets:
  dc: {{hosts: 'lab:{lab}', packages: {{lock_wait: 2s}}, ssh: {{connect_timeout: 3s}}}}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: fast
    memory: 64MiB
"""
REDIS = "opsctl-shop-sessions-redis@sessions-{}.service"
LOCK = "/var/lib/dpkg/lock-frontend"
HOSTS = ("n1", "n2", "n3")


def built(site: Site) -> Site:
    """The service runs and holds some keys."""
    site.apply()
    await_whole(site, "sessions")
    write(site, "sessions", 50)
    return site


def variant(site: Site, before: str, after: str) -> str:
    """Another spec beside the site's own; gives its name."""
    assert before in site.spec
    (site.folder / "other.yaml").write_text(site.spec.replace(before, after))
    return "other.yaml"


def assert_blocked(site: Site, *words: str, spec: str = "opsctl.yaml") -> Ended:
    """Plan and apply refuse, saying all of `words`, and leave no trace on any host."""
    before = traces(site)
    planned = site.run("plan", "-f", spec)
    assert planned.exit == 4, planned.out
    ended = site.refused(4, "apply/blocked", "apply", "--yes", "-f", spec)
    for word in words:
        assert word in planned.out
        assert word in ended.err
    assert traces(site) == before
    return planned


def traces(site: Site) -> dict[str, str]:
    """Everything of opsctl on the hosts' disks, and its units."""
    look = "find /etc/opsctl /var/lib/opsctl /etc/systemd/system 2>/dev/null | sort; "
    look += "systemctl list-units --all --plain --no-legend 'opsctl-*'; true"
    return {host: site.shell(host, look) for host in HOSTS}


def pid(site: Site, host: str, unit: str) -> int:
    found = int(site.on(host, "systemctl", "show", "-P", "MainPID", unit))
    assert found, f"{unit} is not running on {host}"
    return found


@contextmanager
def unit_running(site: Site, host: str, name: str, program: str, ready: str) -> Iterator[int]:
    """Somebody's own process: a Python program in a unit; gives its pid once `ready` succeeds."""
    site.on(host, "systemd-run", f"--unit={name}", "python3", "-c", program)
    try:
        await_until(
            lambda: site.lab.exec(host, ["sh", "-c", ready]).returncode,
            lambda code: code == 0,
            f"{name} to be ready",
        )
        yield pid(site, host, name)
    finally:
        site.on(host, "systemctl", "stop", name)
