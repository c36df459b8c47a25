"""The Alertmanager of a member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.engines import web
from opsctl.engines.alertmanager import gossip
from opsctl.engines.alertmanager.options import AlertmanagerService
from opsctl.model import Receiver
from opsctl.workload import (
    AddressRef,
    Command,
    Component,
    ConfigFile,
    Limits,
    Package,
    Port,
    Probe,
    Render,
    Seat,
    SecretRef,
    Software,
    Text,
    Volume,
)

ALERTMANAGER = "alertmanager"
ROOM = 1024 * web.MIB  # bytes, where room has to be asked for: far more than silences take
AVAILABLE: Mapping[str, str] = {"debian-12": "0.25", "debian-13": "0.28"}
IMAGE = "0.28"  # the version that an image has


def server(
    name: str,
    service: AlertmanagerService,
    seats: tuple[Seat, ...],
    seat: Seat,
    render: Render,
) -> Component:
    """Alertmanager takes where it listens as an argument, so a script holds the addresses."""
    own_unit = "prometheus-alertmanager.service"
    packages = (Package("prometheus-alertmanager", service.version or "", (own_unit,)),)
    config = seat.config_dir
    others = [at for at in seats if at.member != seat.member]
    start = render(
        "start.sh",
        member=seat.member,
        config=f"{config}/alertmanager.yml",
        web_config=web.served_by(seat),
        data_dir=seat.data_dir,
        host=web.listening(seat),
        own=AddressRef(seat.member, "ip"),
        port=seat.ports[web.WEB],
        peer_port=seat.ports[gossip.PEERS],
        gossip=gossip.file(seat),
        peers=[f"{AddressRef(at.member, 'ip')}:{at.ports[gossip.PEERS]}" for at in others],
    )
    proofs = gossip.proofs(name, seat, ALERTMANAGER, others)
    return Component(
        name=ALERTMANAGER,
        software=Software(
            dict.fromkeys(web.SYSTEMS, packages), web.image(ALERTMANAGER, service.version or IMAGE)
        ),
        command=Command(("sh", f"{config}/start.sh"), reload=web.ask(seat, "reload"), grace=15.0),
        user=web.ACCOUNT,
        files=(
            ConfigFile(f"{config}/start.sh", start, mode="0750"),
            *web.access_files(name, seat, render, proofs),
            *gossip.files(name, seat, others, proofs, render),
            *_authorities(service, config),
            ConfigFile(
                f"{config}/alertmanager.yml",
                _config(service, render),
                effect="reload",
                check=("amtool", "check-config", "{file}"),
            ),
        ),
        ports=(
            Port(web.WEB, seat.ports[web.WEB], "collectors"),
            *gossip.ports(seat, others),
        ),
        volumes=(Volume(seat.data_dir, size=ROOM),),
        probes=(Probe("ready", web.ask(seat, "health"), period=10.0),),
        limits=Limits(memory=128 * web.MIB, memory_request=32 * web.MIB),
        health=web.health(seat, web.answering),
        certs=proofs,
    )


def _config(service: AlertmanagerService, render: Render) -> Text:
    """A webhook's URL is a secret, and Debian 12's Alertmanager reads it from nowhere else."""
    receivers = [
        {
            "name": one.name,
            "url": SecretRef(one.webhook.secret, given=True),
            "authority": _authority_file(one) if one.ca else "",
        }
        for one in service.receivers
    ]
    return render("alertmanager.yml", receivers=receivers)


def _authorities(service: AlertmanagerService, folder: str) -> Iterator[ConfigFile]:
    """By whom receivers are certified: read anew when it has changed."""
    for one in service.receivers:
        if one.ca:
            text = Text((str(one.ca),))
            yield ConfigFile(f"{folder}/{_authority_file(one)}", text, effect="none")


def _authority_file(receiver: Receiver) -> str:
    """Its name alone, so that members' configurations stay alike."""
    return f"ca-{receiver.name}.pem"
