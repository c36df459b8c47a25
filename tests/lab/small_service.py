"""A small real service for the hosts target: memcached, a file with a secret, a seeded file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from opsctl.lab import Lab
from opsctl.model import ServiceBase
from opsctl.planning.resource import Resource
from opsctl.ports import Certified, Work
from opsctl.targets.hosts import Env, Host, HostsTarget, Options, SshOptions
from opsctl.workload import (
    AddressRef,
    Answer,
    CertRef,
    Command,
    Component,
    ConfigFile,
    FileRef,
    Gate,
    Group,
    Limits,
    Member,
    Operations,
    Package,
    Port,
    Query,
    Rolling,
    Seat,
    SeatNeed,
    SecretRef,
    Software,
    Standing,
    Text,
    Volume,
    Workload,
)

PASSWORD = SecretRef("small/admin")
SUDO = SecretRef("sudo", given=True)
SECRET = "TOP-SECRET-small/admin"
_ALWAYS = Gate("always", lambda standings: "")
_SYSTEMS = ("debian-12", "debian-13")


class Keys:
    """Secrets with values that are easy to look for."""

    def __init__(self, sudo: str = "", key: bytes | None = b"k" * 32):
        self.sudo, self.key = sudo, key

    def value(self, ref: SecretRef) -> str | None:
        if ref.given:
            return self.sudo
        return f"TOP-SECRET-{ref.name}" if self.key else None

    def certificate(self, ref: CertRef) -> str | None:
        return f"{ref.what} of {ref.name}\n" if self.key else None

    def certified(self, pem: str) -> Certified | None:
        return None


def service(**more: Any) -> ServiceBase:
    ServiceBase.model_rebuild()
    return ServiceBase(engine="small", on="dc", replicas=2, **more)


def need(count: int = 2, **more: Any) -> SeatNeed:
    return SeatNeed("servers", count, {"cache": 11311}, **more)


def _standing(answer: Answer) -> Standing:
    ready = answer.exit == 0 and "STAT pid" in answer.stdout
    return Standing("primary", ready, answer.stderr)


def component(seat: Seat, memory: int = 64, argv: tuple[str, ...] = ()) -> Component:
    port = seat.ports["cache"]
    first = f"{seat.member.rpartition('-')[0]}-0"
    ask = f"import socket,sys;s=socket.create_connection(('127.0.0.1',{port}),2);"
    ask += "s.sendall(b'stats\\r\\n');print(s.recv(4096).decode())"
    return Component(
        name="cache",
        software=Software(
            {s: (Package("memcached", "1.6", ("memcached.service",)),) for s in _SYSTEMS}
        ),
        command=Command(
            argv or ("/usr/bin/memcached", "-p", str(port), "-U", "0", "-m", str(memory)),
            before_start=(("/usr/bin/test", "-r", f"{seat.config_dir}/small.conf"),),
            grace=5,
        ),
        user="memcache",
        files=(
            ConfigFile(
                f"{seat.config_dir}/small.conf",
                Text((f"memory {memory}\nnext ", AddressRef(first, "ip"), "\n")),
            ),
            ConfigFile(f"{seat.config_dir}/users.conf", Text(("admin ", PASSWORD, "\n"))),
            ConfigFile(f"{seat.data_dir}/state.conf", Text(("epoch 0\n",)), life="seeded"),
        ),
        ports=(Port("cache", port),),
        volumes=(Volume(seat.data_dir),),
        limits=Limits(memory=128 << 20, open_files=4096),
        health=Query(
            ("/usr/bin/python3", "-c", ask),
            _standing,
            Text((FileRef(f"{seat.config_dir}/users.conf"),)),
        ),
    )


def workload(seats: Sequence[Seat], name: str = "small", **more: Any) -> Workload:
    members = tuple(Member(seat, (component(seat, **more),)) for seat in seats)
    return Workload(
        service=name,
        engine="small",
        groups=(Group("servers", members, quorum=1),),
        rolling=Rolling(("replica", "primary"), _ALWAYS, _ALWAYS, lambda standings, member: ()),
        operations=cast("Operations", None),
        formed=_ALWAYS,
    )


def target(
    lab: Lab, cache: Path, environment: str = "shop", user: str = "root", **options: Any
) -> HostsTarget:
    password = SUDO if user == Lab.sudo_user else None
    return HostsTarget(
        "dc",
        Env(environment, environment),
        {host.name: Host(host.address, rack=host.rack) for host in lab.hosts},
        SshOptions(
            user=user,
            key=lab.key,
            known_hosts=lab.known_hosts,
            connect_timeout=3,
            become_password=password,
        ),
        Keys(lab.password_file.read_text().strip()),
        cache,
        Options(**options),
    )


def works(resources: Sequence[Resource], step: str = "build") -> tuple[Work, ...]:
    """All resources as one wave."""
    places = dict.fromkeys(resource.id.where for resource in resources)
    return tuple(
        Work(where, tuple(r for r in resources if r.id.where == where), step=step)
        for where in places
    )


def different(target: HostsTarget, resources: Sequence[Resource], work: Workload) -> list[Resource]:
    """What a look finds to be not as desired."""
    actual = target.observe(resources, (work,)).actual
    return [
        resource
        for resource in resources
        if (found := actual[resource.id].attributes) is None
        or any(v is not None and found.get(k) != v for k, v in resource.desired.items())
    ]
