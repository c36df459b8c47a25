"""The exporter of a member."""

from __future__ import annotations

from opsctl.engines import web
from opsctl.engines.blackbox_exporter.options import BlackboxExporterService
from opsctl.workload import (
    Command,
    Component,
    ConfigFile,
    Limits,
    Package,
    Port,
    Probe,
    Render,
    Seat,
    Software,
)

EXPORTER = "exporter"
JOB = "blackbox"
IMAGE = "0.26"  # the version that an image has
TCP = "tcp"  # the module that opens a connection and closes it


def exporter(name: str, service: BlackboxExporterService, seat: Seat, render: Render) -> Component:
    """It takes where it listens as an argument, so a script holds the address."""
    own_unit = "prometheus-blackbox-exporter.service"
    packages = (Package("prometheus-blackbox-exporter", service.version or "", (own_unit,)),)
    config = seat.config_dir
    proofs = web.proofs(name, seat, EXPORTER)
    start = render(
        "start.sh",
        member=seat.member,
        host=web.listening(seat),
        port=seat.ports[web.WEB],
        config=f"{config}/blackbox.yml",
        web_config=web.served_by(seat),
    )
    return Component(
        name=EXPORTER,
        software=Software(
            dict.fromkeys(web.SYSTEMS, packages),
            web.image("blackbox-exporter", service.version or IMAGE),
        ),
        command=Command(("sh", f"{config}/start.sh"), grace=5.0),
        user=web.ACCOUNT,
        files=(
            ConfigFile(f"{config}/start.sh", start, mode="0750"),
            *web.access_files(name, seat, render, proofs),
            ConfigFile(f"{config}/blackbox.yml", render("blackbox.yml")),
        ),
        ports=(Port(web.WEB, seat.ports[web.WEB], "collectors"),),
        probes=(Probe("live", web.ask(seat, "health"), period=10.0, failures=6),),
        limits=Limits(memory=64 * web.MIB, memory_request=16 * web.MIB),
        health=web.health(seat, web.answering),
        certs=proofs,
    )
