"""Names on a host: folders and units. Two environments, services or members never share one. Pure.

A member's name begins with its service's, so environment, service, component and member can be told
apart in a unit's name although all of them may hold dashes.
"""

from __future__ import annotations

CONFIG, DATA, RUN = "/etc/opsctl", "/var/lib/opsctl", "/run/opsctl"
BACKUPS = "/var/lib/opsctl-backup"  # outlives services and environments
METRICS = "/var/lib/opsctl-metrics"  # what jobs tell, for who measures the host
UNITS = "/etc/systemd/system"
STARTED = f"{RUN}/started"
TAKEN = f"{RUN}/taken"


def member_path(base: str, environment: str, service: str, member: str) -> str:
    return f"{base.rstrip('/')}/{environment}/{service}/{member}"


def unit_name(environment: str, service: str, component: str, member: str) -> str:
    return f"opsctl-{environment}-{service}-{component}@{member}.service"


def unit_path(unit: str) -> str:
    return f"{UNITS}/{unit}"


def dropin_path(unit: str) -> str:
    return f"{UNITS}/{unit}.d/limits.conf"


def where(target: str, host: str) -> str:
    return f"{target}/{host}"


def host_of(where: str) -> str:
    return where.partition("/")[2]


def member_name(service: str, group: str, ordinal: int, first: bool) -> str:
    """Such as "sessions-0" in a service's first group, "sessions-arbiters-0" in its others."""
    return f"{service}-{ordinal}" if first else f"{service}-{group}-{ordinal}"
