"""A small environment with routes, described by the real engines on seats made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsctl.data import renderer
from opsctl.discovery import engines
from opsctl.model import Environment, load_data
from opsctl.routes import directory
from opsctl.workload import AddressRef, Seat, SecretRef, Text, Workload, in_order

SESSIONS = {"engine": "redis", "on": "dc", "replicas": 3}
EDGE = {"engine": "haproxy", "on": "dc", "replicas": 2}
HOSTS = {"hosts": {f"n{n}": {"address": f"10.77.0.1{n}"} for n in (1, 2, 3)}}


def environment(
    routes: Mapping[str, Any], services: Mapping[str, Any] | None = None, **more: Any
) -> Environment:
    document = {
        "opsctl": 1,
        "name": "shop",
        "targets": {"dc": HOSTS},
        "services": services or {"sessions": SESSIONS, "edge": EDGE},
        "routes": routes,
        **more,
    }
    return load_data(document, engines={name: engine.options for name, engine in engines().items()})


def described(spec: Environment, *, system: str = "debian-13") -> dict[str, Workload]:
    """Every managed service, each member on a node of its own number."""
    found: dict[str, Workload] = {}
    managed = {name: service for name, service in spec.services.items() if service.managed}
    for name in in_order(managed, engines(), spec):
        service, engine = managed[name], engines()[managed[name].engine]
        seats = [
            _seat(name, n, need, system)
            for need in engine.needs(service)
            for n in range(need.count)
        ]
        lanes = directory(spec, name, found)
        found[name] = engine.describe(name, service, seats, renderer(engine.templates), lanes)
    return found


def _seat(service: str, number: int, need: Any, system: str) -> Seat:
    member = f"{service}-{number}"
    return Seat(
        member=member,
        group=need.group,
        node=f"n{number + 1}",
        zone="",
        system=system,
        ports=need.ports,
        config_dir=f"/etc/opsctl/shop/{service}/{member}",
        data_dir=f"/var/lib/opsctl/shop/{service}/{member}",
        run_dir=f"/run/opsctl/shop/{service}/{member}",
    )


def address(member: str) -> str:
    return f"10.77.0.1{int(member.rpartition('-')[2]) + 1}"


def text_of(text: Text) -> str:
    """As it is on a host."""

    def filled(part: object) -> str:
        if isinstance(part, AddressRef):
            return address(part.member)
        assert isinstance(part, SecretRef)
        return f"TopSecret{part.name.replace('/', '')}"

    return text.fill(filled)


def files_of(workload: Workload, member: str) -> dict[str, str]:
    """The whole text of every file of a member, by its name."""
    return {
        file.path.rpartition("/")[2]: text_of(file.text)
        for component in workload.member(member).components
        for file in component.files
    }


SHARED = {
    "sessions": {"to": "sessions", "vip": "10.77.0.100", "max_connections": 5000},
    "read": {"to": "sessions", "role": "replica", "vip": "10.77.0.100", "port": 6380,
             "max_lag": "15s", "balance": "source"},
}  # fmt: skip
SPLIT = {
    "sessions": {"to": "sessions", "vip": {"address": "10.77.0.100/24", "interface": "lo"}},
    "six": {"to": "sessions", "role": "any", "vip": "fd00:77::100", "balance": "first"},
}
PLAIN = {
    "sessions": {"to": "sessions", "port": 16379},
    "old": {"to": "legacy", "role": "any", "balance": "roundrobin"},
}
LEGACY = {"engine": "redis", "external": {"addresses": ["127.0.0.9:6379", "no-such.invalid:6380"]}}
REPLICATION = {**SESSIONS, "mode": "replication"}


def files(routes: dict[str, Any], member: str = "edge-0", **services: Any) -> dict[str, str]:
    spec = environment(routes, {"sessions": SESSIONS, "legacy": LEGACY, "edge": EDGE, **services})
    return files_of(described(spec)["edge"], member)
