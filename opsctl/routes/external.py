"""Services that others run: balancers know their addresses and whether they can be reached."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.errors import SpecError
from opsctl.model import Route, ServiceBase
from opsctl.workload import Backend, Check, Entry, Text, Timing

# Nobody replaces these behind our back, so silence is 0.
_TIMING: Mapping[str, Timing] = {
    "fast": Timing(interval=0.25, timeout=0.25, falls=2, recheck=0.1, silence=0),
    "normal": Timing(interval=1, timeout=1, falls=3, recheck=0.25, silence=0),
    "safe": Timing(interval=2, timeout=2, falls=3, recheck=0.5, silence=0),
}


def external_entry(name: str, route: Route, service: ServiceBase, failover: str) -> Entry:
    """The addresses as they stand in the spec; who of several is primary can't be known."""
    assert service.external is not None
    found = [address.rpartition(":") for address in service.external.addresses]
    if route.role == "replica" or (route.role == "primary" and len(found) > 1):
        raise SpecError(
            "route/no-role",
            f"{route.to} is external: which of its members is a {route.role} can't be asked",
            where=f"routes.{name}",
            hint="role: any, or role: primary with one address",
        )
    return Entry(
        role=route.role,
        scheme="tcp",
        port=int(found[0][2]),
        backends=tuple(
            Backend(
                member=f"{route.to}-{index}",
                host=Text((host.strip("[]"),)),
                port=int(port),
                check=Check(int(port)),
            )
            for index, (host, _, port) in enumerate(found)
        ),
        timing=_TIMING[failover],
    )
