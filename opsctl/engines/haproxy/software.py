"""Where the programs come from, and which versions each system has."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.engines.haproxy.pool import Pool
from opsctl.workload import Package, Seat, Software, versions

AVAILABLE: Mapping[str, str] = {"debian-12": "2.6", "debian-13": "3.0"}


def haproxy_software(pool: Pool) -> Software:
    """HAProxy, and socat to talk to it."""
    version = pool.service.version or ""
    packages = (Package("haproxy", version, ("haproxy.service",)), Package("socat"))
    shown = version or AVAILABLE[max(AVAILABLE)]
    return Software(_everywhere(pool, packages), image=f"haproxy:{shown}")


def keepalived_software(pool: Pool) -> Software:
    """keepalived, and socat for its scripts; it brings iproute2 itself."""
    packages = (
        Package("keepalived", "", ("keepalived.service",)),
        Package("socat"),
    )
    return Software(_everywhere(pool, packages))


def _everywhere(pool: Pool, packages: tuple[Package, ...]) -> Mapping[str, tuple[Package, ...]]:
    systems = {seat.system for seat in pool.seats} - {"image"}
    return dict.fromkeys(sorted(systems), packages)


def check_version(pool: Pool, seat: Seat) -> None:
    """Raises SpecError for a version that the seat's system does not have."""
    offered, asked = AVAILABLE.get(seat.system), pool.service.version
    versions.check_version(
        "HAProxy", seat, offered, asked, service=pool.name, code="haproxy/no-version"
    )
