"""A service of an engine that does not exist, with one of everything that a target must realise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from opsctl.model import ServiceBase
from opsctl.ports import Certified
from opsctl.workload import (
    AddressRef,
    CertRef,
    Command,
    Component,
    ConfigFile,
    Gate,
    Group,
    Kernel,
    Limits,
    Member,
    Operations,
    Package,
    Port,
    Probe,
    Rolling,
    Seat,
    SeatNeed,
    SecretRef,
    Software,
    Text,
    Volume,
    Workload,
)

NEEDS = (SeatNeed("servers", 3, {"toy": 7000, "vote": 7001}),)
PASSWORD = SecretRef("sessions/admin")

_ALWAYS = Gate("always", lambda standings: "")
_SOFTWARE = Software({"debian-13": (Package("toy", "2", ("toy.service",)),)}, image="toy:2")


class Keys:
    """Secrets whose values are easy to look for. Without a key, no value is known either."""

    def __init__(self, key: bytes | None = b"a key for tests", salt: str = "") -> None:
        self.key = key
        self.salt = salt

    def value(self, ref: SecretRef) -> str | None:
        return f"TOP-SECRET-{ref.name}-{self.salt}" if self.key else None

    def certificate(self, ref: CertRef) -> str | None:
        end = "" if ref.what == "end" else "\n"
        return f"{ref.what} of {ref.name}{end}" if self.key else None

    def certified(self, pem: str) -> Certified | None:
        return None


def options(**changed: Any) -> ServiceBase:
    ServiceBase.model_rebuild()
    return ServiceBase(engine="toy", on="prod", replicas=3, **changed)


def server(seat: Seat) -> Component:
    primary = AddressRef("sessions-0", "ip")
    config, data = seat.config_dir, seat.data_dir
    return Component(
        name="server",
        software=_SOFTWARE,
        command=Command(
            argv=("/usr/bin/toy-server", f"{config}/toy.conf"),
            before_start=(("/usr/bin/toy-check", f"{config}/toy.conf"), ("toy-ask", "it's me")),
            before_stop=(("toy-handover",),),
            grace=45.5,
        ),
        user="toy",
        files=(
            ConfigFile(
                f"{config}/toy.conf",
                Text(("port 7000\nprimary ", primary, "\nme ", AddressRef(seat.member), "\n")),
            ),
            ConfigFile(f"{config}/live.conf", Text(("loglevel notice\n",)), effect="reload"),
            ConfigFile(f"{config}/users.acl", Text(("user admin ", PASSWORD, "\n")), mode="0600"),
        ),
        ports=(Port("toy", 7000), Port("bus", 7002, "members")),
        volumes=(Volume(data, size=2 * 1024**3),),
        probes=(
            Probe("live", ("toy-cli", "ping"), period=2.5),
            Probe("ready", ("/usr/bin/toy-cli", "ready"), failures=2),
        ),
        limits=Limits(memory=512 * 1024**2, memory_request=256 * 1024**2, open_files=10_000),
        kernel=(Kernel("vm.overcommit_memory", "1", "a fork must not fail"),),
    )


def voter(seat: Seat) -> Component:
    seed = Text(("monitor ", AddressRef("sessions-0", "ip"), " pass ", PASSWORD, "\n"))
    return Component(
        name="voter",
        software=_SOFTWARE,
        command=Command(argv=("toy-voter", f"{seat.data_dir}/voter.conf"), grace=5),
        user="toy",
        files=(ConfigFile(f"{seat.data_dir}/voter.conf", seed, life="seeded"),),
        ports=(Port("vote", 7001, "members"),),
    )


def workload(seats: Sequence[Seat], service: str = "sessions") -> Workload:
    members = tuple(Member(seat, (server(seat), voter(seat))) for seat in seats)
    return Workload(
        service=service,
        engine="toy",
        groups=(Group("servers", members, quorum=2),),
        rolling=Rolling(("replica", "primary"), _ALWAYS, _ALWAYS, lambda standings, member: ()),
        operations=cast("Operations", None),
        formed=_ALWAYS,
    )


def with_server(work: Workload, **changed: Any) -> Workload:
    """The workload with something else in every member's server."""
    group = work.groups[0]
    members = tuple(
        replace(one, components=(replace(one.components[0], **changed), *one.components[1:]))
        for one in group.members
    )
    return replace(work, groups=(replace(group, members=members),))
