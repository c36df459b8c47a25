"""Which versions of the server the members' systems have, and what can't be built with them."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.engines.redis.cast import Cast
from opsctl.errors import SpecError
from opsctl.workload import Seat, check_version


def check(cast: Cast, seat: Seat) -> None:
    """SpecError for a server or a version that the seat's system does not have."""
    flavour = cast.flavour
    if seat.system in flavour.missing:
        others = ", ".join(sorted(flavour.available))
        raise SpecError(
            "redis/no-package",
            f"{seat.member} sits on {seat.system}, which has no {flavour.name}",
            where=f"services.{cast.name}.engine",
            hint=f"{flavour.name} is to be had on {others}",
        )
    offered = flavour.available.get(seat.system)
    shown = f"{offered[0]}.{offered[1]}" if offered else None
    asked = cast.service.version
    check_version(flavour.name, seat, shown, asked, service=cast.name, code="redis/no-version")


def mixed(cast: Cast) -> Iterator[SpecError]:
    """Members of several versions: the older can't copy from the newer once that is primary, so
    after the first failover the service would not be whole again."""
    versions = [(seat, cast.version(seat)) for seat in cast.seats]
    if len({version for _, version in versions}) < 2:
        return
    found = [
        f"{seat.member} on {seat.node} ({seat.system}: {major}.{minor})"
        for seat, (major, minor) in versions
    ]
    systems = " or ".join(sorted({seat.system for seat in cast.seats}))
    yield SpecError(
        "redis/mixed-versions",
        f"members would run different versions of {cast.flavour.name}, and an older one can't copy "
        f"from a newer primary: {', '.join(found)}",
        where=f"services.{cast.name}.place",
        hint=f"hosts of one system, {systems}: place: {{labels: ...}} or place: {{hosts: [...]}}",
    )
