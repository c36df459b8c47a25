"""How Alertmanagers prove to each other who they are: whoever is heard at that port can silence any
alert, and have people told of none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opsctl.engines import web
from opsctl.workload import Cert, ConfigFile, Port, Render, Seat

PEERS = "peers"  # the port at which members hear of each other
_NAMES_NOBODY = ("debian-12",)  # 0.26 is the first that is told whose certificates to take


def file(seat: Seat) -> str:
    return f"{seat.config_dir}/gossip.yml"


def proofs(service: str, seat: Seat, component: str, others: Sequence[Seat]) -> tuple[Cert, ...]:
    """Where there are others, the certificate is for going to them, too. Of their connections the
    server reads its own certificate anew for each, and only at its start whom it believes."""
    if not others:
        return web.proofs(service, seat, component)
    both = web.proofs(service, seat, component, "both")
    return tuple(replace(one, believing="restart") for one in both)


def files(
    service: str, seat: Seat, others: Sequence[Seat], certs: tuple[Cert, ...], render: Render
) -> tuple[ConfigFile, ...]:
    """Over TLS, where each wants the other's certificate: on hosts for the address that it is
    reached at, in a cluster for the service."""
    if not others:
        return ()
    named = [] if seat.system in _NAMES_NOBODY else [one.member for one in others]
    text = render(
        "gossip.yml",
        member=seat.member,
        proof=certs[0],
        named=named,
        called=web.called(service, seat),
    )
    return (ConfigFile(file(seat), text),)


def ports(seat: Seat, others: Sequence[Seat]) -> tuple[Port, ...]:
    return (Port(PEERS, seat.ports[PEERS], "members"),) if others else ()
