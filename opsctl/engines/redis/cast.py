"""The members of one service and how to talk to each: what gates and operations are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from opsctl.engines.redis.asking import Door
from opsctl.engines.redis.flavour import Flavour, Version
from opsctl.engines.redis.options import RedisService
from opsctl.engines.redis.presets import PRESETS, Preset
from opsctl.workload import AddressRef, Seat, Standing, Standings

REDIS = "redis"
SENTINEL = "sentinel"


@dataclass(frozen=True, slots=True)
class Cast:
    """One service on its seats."""

    name: str
    service: RedisService
    seats: tuple[Seat, ...]

    @property
    def flavour(self) -> Flavour:
        return self.service.flavour

    @property
    def sentinel(self) -> bool:
        return self.service.mode == "sentinel"

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(seat.member for seat in self.seats)

    @property
    def clients(self) -> int:
        """How many connections a member lets in."""
        return int(str(self.service.settings.get("maxclients", 10_000)))

    @property
    def majority(self) -> int:
        """How many Sentinels elect. Sentinel counts every one it knows, the lost ones too."""
        return len(self.seats) // 2 + 1

    @property
    def preset(self) -> Preset:
        return PRESETS[self.service.failover]

    def version(self, seat: Seat) -> Version:
        """What the seat's system offers, or what the spec asks of an image."""
        offered = self.flavour.available.get(seat.system, self.flavour.image_version)
        asked = [int(word) for word in (self.service.version or "").split(".") if word.isdecimal()]
        if not asked or tuple(asked[:2]) == offered[: len(asked)]:
            return offered
        return (asked[0], asked[1] if len(asked) > 1 else 0)

    def seat(self, member: str) -> Seat:
        return next(seat for seat in self.seats if seat.member == member)

    def door(self, member: str, component: str = REDIS) -> Door:
        """How to talk to a member's server or Sentinel."""
        seat = self.seat(member)
        auth_file = auth_path(seat, component)
        return Door(self.flavour, member, component, seat.ports[component], auth_file)

    def door_beyond(self, member: str, host: str, port: int) -> Door:
        """How to get from a member to a server of this service by another way."""
        auth_file = auth_path(self.seat(member), REDIS)
        return Door(self.flavour, member, REDIS, port, auth_file, host)

    def address(self, member: str) -> str:
        """ "HOST PORT" of the data server, as REPLICAOF wants it."""
        return f"{AddressRef(member, 'ip')} {self.seat(member).ports[REDIS]}"


def auth_path(seat: Seat, component: str) -> str:
    """The file with the password of opsctl's own user."""
    return f"{seat.config_dir}/{component}.auth"


def primaries(standings: Standings) -> tuple[str, ...]:
    """Members whose server says that it is primary."""
    return tuple(
        member
        for (member, component), standing in sorted(standings.items())
        if component == REDIS and standing.role == "primary"
    )


def servers(standings: Standings, role: str = "") -> Iterator[tuple[str, Standing]]:
    """Data servers that answered, by role."""
    for (member, component), standing in sorted(standings.items()):
        if component == REDIS and standing.role in ((role,) if role else ("primary", "replica")):
            yield member, standing


def sentinels(standings: Standings) -> Iterator[tuple[str, Standing]]:
    """Sentinels that answered."""
    for (member, component), standing in sorted(standings.items()):
        if component == SENTINEL and standing.role == "arbiter":
            yield member, standing


def replicas_of(sentinel: Standing) -> Mapping[str, str]:
    """The priorities of the replicas that a Sentinel knows, by address."""
    priority = "priority "
    return {
        name.removeprefix(priority): value
        for name, value in sentinel.details.items()
        if name.startswith(priority)
    }


def candidates(sentinel: Standing) -> frozenset[str]:
    """Addresses of the replicas that it could promote. Neither is somebody's own replica that was
    told that it never may (priority 0), nor a program that once copied from the primary, such as
    a backup's: it told no port."""
    return frozenset(
        address
        for address, priority in replicas_of(sentinel).items()
        if priority != "0" and not address.endswith(":0")
    )


def address_of(standings: Standings, member: str) -> str:
    """ "HOST:PORT" of a member's server, as it announces itself; "" when it did not answer."""
    standing = standings.get((member, REDIS))
    return standing.details.get("address", "") if standing else ""
