"""The exporter beside a member: it asks the server and the Sentinel, as a user of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from opsctl.engines import web
from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast
from opsctl.engines.redis.telling import told
from opsctl.engines.redis.users import METRICS, secret
from opsctl.workload import (
    AddressRef,
    Command,
    Component,
    ConfigFile,
    Limits,
    Package,
    Port,
    Render,
    Scrape,
    Seat,
    Signals,
    Software,
)

EXPORTER = "exporter"  # the component, and its port
CATALOGUE = "redis"  # of Valkey too: its metrics have the same names
PORT = 9121
IMAGE = "oliver006/redis_exporter:v1.69.0-alpine"  # one with a shell
MIB = 1024**2


def exported(seat: Seat) -> bool:
    """Whether an exporter sits beside the member."""
    return EXPORTER in seat.ports


def exporter(cast: Cast, seat: Seat, render: Render) -> Component:
    """It can ask nobody for a password, so it wants a certificate of who collects. It reads its own
    and whom it believes anew for every connection.

    Its account is the server's, as components of a member share a folder.
    """
    config = seat.config_dir
    places = _places(cast, seat)
    proof = web.proof(cast.name, seat, EXPORTER, "exporter.pem")
    systems = {at.system for at in cast.seats} - {"image"}
    packages = (Package("prometheus-redis-exporter", "", ("prometheus-redis-exporter.service",)),)
    return Component(
        name=EXPORTER,
        software=Software(dict.fromkeys(sorted(systems), packages), IMAGE),
        command=Command(("sh", f"{config}/start-exporter.sh"), grace=5.0),
        user=cast.flavour.user,
        files=(
            ConfigFile(
                f"{config}/start-exporter.sh",
                render(
                    "start-exporter.sh",
                    member=seat.member,
                    # A pod's network is its own, and what lasts is no address there.
                    host="" if seat.system == "image" else AddressRef(seat.member, "ip"),
                    pod=seat.system == "image",
                    port=seat.ports[EXPORTER],
                    server=places[REDIS],
                    user=METRICS,
                    passwords=f"{config}/exporter-passwords.json",
                    proof=proof,
                ),
                mode="0750",
            ),
            ConfigFile(
                f"{config}/exporter-passwords.json",
                render(
                    "exporter-passwords.json",
                    places=list(places.values()),
                    user=METRICS,
                    password=secret(cast.name, METRICS, "plain"),
                ),
            ),
        ),
        ports=(Port(EXPORTER, seat.ports[EXPORTER], "collectors"),),
        limits=Limits(memory=64 * MIB, memory_request=16 * MIB),
        certs=(proof,),
    )


def _places(cast: Cast, seat: Seat) -> Mapping[str, str]:
    """By component, where it is asked."""
    components = (REDIS, SENTINEL) if cast.sentinel else (REDIS,)
    return {name: f"127.0.0.1:{seat.ports[name]}" for name in components}


def signals(cast: Cast) -> Signals | None:
    """None without `metrics`. Facts: how many members, replicas and Sentinels there are, how many
    are a majority, the memory of each (bytes), how many clients it lets in, and how long a failover
    takes at least (s)."""
    scrapes = tuple(_scrapes(cast))
    if not scrapes:
        return None
    members = len(cast.seats)
    return Signals(
        CATALOGUE,
        scrapes,
        {
            "members": members,
            "replicas": members - 1,
            "sentinels": members if cast.sentinel else 0,
            "majority": cast.majority,
            "memory": int(cast.service.memory),
            "clients": cast.clients,
            "failover": cast.preset.tolerates,
        },
    )


def _scrapes(cast: Cast) -> Iterator[Scrape]:
    yield from told(cast)
    for seat in cast.seats:
        if exported(seat):
            port, places = seat.ports[EXPORTER], _places(cast, seat)
            server = Scrape(
                "redis", seat.member, port, tls="mutual", called=web.called(cast.name, seat)
            )
            yield server
            if cast.sentinel:
                params = {"target": f"redis://{places[SENTINEL]}"}
                yield replace(server, job="sentinel", path="/scrape", params=params)
