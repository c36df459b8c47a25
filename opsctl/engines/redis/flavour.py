"""What differs between Redis and Valkey: names and versions, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.workload import has_version

Version = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Flavour:
    """One of the servers that speak this protocol and keep this configuration.

    `available` says which version each system's own packages have; a system that is missing there
    is tried with the same package names, unless it is in `missing`.
    """

    name: str
    server: str  # the server's program; with --sentinel it is a Sentinel
    cli: str
    check: str  # the program that reads a snapshot from end to end
    user: str  # the account that the package makes
    packages: Mapping[str, tuple[str, ...]]  # package -> the units that it starts itself
    available: Mapping[str, Version]
    missing: frozenset[str]
    image: str
    image_version: Version
    version_field: str  # of INFO server

    def systems(self, asked: str | None) -> frozenset[str]:
        """Those whose packages have the version that is asked for."""
        offered = {name: f"{major}.{minor}" for name, (major, minor) in self.available.items()}
        return frozenset(name for name, one in offered.items() if has_version(one, asked))


REDIS = Flavour(
    name="redis",
    server="redis-server",
    cli="redis-cli",
    check="redis-check-rdb",
    user="redis",
    packages={"redis-server": ("redis-server.service",), "redis-tools": ()},
    available={"debian-12": (7, 0), "debian-13": (8, 0)},
    missing=frozenset(),
    image="redis",
    image_version=(8, 0),
    version_field="redis_version",
)
VALKEY = Flavour(
    name="valkey",
    server="valkey-server",
    cli="valkey-cli",
    check="valkey-check-rdb",
    user="valkey",
    packages={"valkey-server": ("valkey-server.service",), "valkey-tools": ()},
    available={"debian-13": (8, 1)},
    missing=frozenset({"debian-12"}),
    image="valkey/valkey",
    image_version=(8, 1),
    version_field="valkey_version",
)
