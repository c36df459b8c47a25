"""The program of a member, and what it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping

from opsctl.engines import web
from opsctl.engines.probe.options import ProbeService
from opsctl.workload import (
    Cert,
    Command,
    Component,
    ConfigFile,
    Limits,
    Package,
    Port,
    Probe,
    Render,
    Say,
    Seat,
    Software,
    Text,
    Way,
)

PROBER = "prober"
JOB = "probe"
_PATIENCE = 180.0  # seconds: it is there before every member has been given its user
IMAGE = "1"  # raised when an image must have more than Python 3.11 and prometheus_client
# The second makes the account that the program runs as; every watched host has it anyway.
_PACKAGES = (
    Package("python3-prometheus-client"),
    Package("prometheus-node-exporter", own_units=("prometheus-node-exporter.service",)),
)


def prober(
    name: str, service: ProbeService, seat: Seat, ways: tuple[Way, ...], render: Render
) -> Component:
    """A program of opsctl's own, which needs Python 3.11 and prometheus_client."""
    config = seat.config_dir
    proofs = web.proofs(name, seat, PROBER)
    return Component(
        name=PROBER,
        software=Software(dict.fromkeys(web.SYSTEMS, _PACKAGES), web.image("opsctl-probe", IMAGE)),
        command=Command(("python3", "-I", f"{config}/probe.py", f"{config}/probe.json"), grace=5.0),
        user=web.ACCOUNT,
        files=(
            ConfigFile(f"{config}/probe.py", render("probe.py")),
            *web.asking_files(name, seat, render, proofs),
            ConfigFile(f"{config}/probe.json", _told(service, seat, ways, proofs)),
        ),
        ports=(Port(web.WEB, seat.ports[web.WEB], "collectors"),),
        probes=(Probe("live", web.ask(seat, "health"), period=10.0, failures=6),),
        limits=Limits(memory=96 * web.MIB, memory_request=32 * web.MIB),
        health=web.health(seat, web.answering),
        certs=proofs,
    )


def _told(
    service: ProbeService, seat: Seat, ways: tuple[Way, ...], proofs: tuple[Cert, ...]
) -> Text:
    """Its settings, with the passwords that it logs in with: JSON quotes none of them, as derived
    ones need no quoting."""
    said = {
        "host": str(web.listening(seat)),
        "port": seat.ports[web.WEB],
        "user": web.USER,
        "password_file": f"{seat.config_dir}/web.password",
        "certificate": next((one.path for one in proofs), ""),
        "key": next((one.key for one in proofs), ""),
        "ways": [_way(service, seat, way) for way in ways],
    }
    return Text.parse(json.dumps(said, indent=1, ensure_ascii=False) + "\n")


def _way(service: ProbeService, seat: Seat, way: Way) -> Mapping[str, object]:
    says = way.trial(f"{way.route}:{seat.member}") if way.trial else ()
    return {
        "route": way.route,
        "to": way.service,
        "hosts": [_whole(host) for host in way.hosts],
        "port": way.port,
        "seconds": tried(service, way),
        "latency": way.latency,
        "patience": _PATIENCE,
        "says": [_say(one) for one in says],
    }


def _say(one: Say) -> Mapping[str, object]:
    return {"send": _whole(one.send), "expect": _whole(one.expect), "pattern": one.pattern}


def _whole(text: Text) -> str:
    """With the tokens of what a target fills in."""
    return "".join(map(str, text.parts))


def tried(service: ProbeService, way: Way) -> float:
    """Seconds between two tries of a route: never less than a good answer may take."""
    return max(service.interval.seconds, way.latency or 0.0)
