"""The Prometheus of a member."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opsctl.engines import web
from opsctl.engines.prometheus import elsewhere
from opsctl.engines.prometheus.jobs import address, jobs, password_file, passwords, realms
from opsctl.engines.prometheus.options import PrometheusService
from opsctl.workload import (
    Cert,
    Command,
    Component,
    ConfigFile,
    Directory,
    Limits,
    Package,
    Port,
    Probe,
    Render,
    Scrape,
    Seat,
    Software,
    Text,
    Volume,
    patience,
)

PROMETHEUS = "prometheus"
AVAILABLE: Mapping[str, str] = {"debian-12": "2.42", "debian-13": "2.53"}
IMAGE = "2.53"  # the version that an image has
_FILES = 65_536


def server(
    name: str, service: PrometheusService, seat: Seat, directory: Directory, render: Render
) -> Component:
    """Prometheus takes where it listens as an argument, so a script holds the address."""
    packages = (Package("prometheus", service.version or "", ("prometheus.service",)),)
    storage = service.storage
    return Component(
        name=PROMETHEUS,
        software=Software(
            dict.fromkeys(web.SYSTEMS, packages), web.image(PROMETHEUS, service.version or IMAGE)
        ),
        command=Command(
            ("sh", f"{seat.config_dir}/start.sh"), reload=web.ask(seat, "reload"), grace=60.0
        ),
        user=web.ACCOUNT,
        files=tuple(_files(name, service, seat, directory, render)),
        # People and a Grafana that is elsewhere read it; a password lets them in.
        ports=(Port(web.WEB, seat.ports[web.WEB], "clients"),),
        volumes=(
            Volume(
                seat.data_dir,
                size=int(storage.size) if storage.size else None,
                require_mount=storage.require_mount,
                min_free=int(storage.min_free) if storage.min_free else None,
            ),
        ),
        probes=(Probe("ready", web.ask(seat, "health"), period=10.0),),
        limits=Limits(int(service.memory), memory_request=128 * web.MIB, open_files=_FILES),
        health=web.health(seat, web.answering),
        discovers=bool(seat.realm),
        certs=_proofs(name, seat),
    )


def _files(
    name: str, service: PrometheusService, seat: Seat, directory: Directory, render: Render
) -> Iterator[ConfigFile]:
    """The configuration comes last: what it names must be there when it is checked."""
    config = seat.config_dir
    start = render(
        "start.sh",
        member=seat.member,
        config=f"{config}/prometheus.yml",
        web_config=web.served_by(seat),
        data_dir=seat.data_dir,
        retention=int(service.retention.seconds),
        host=web.listening(seat),
        port=seat.ports[web.WEB],
    )
    yield ConfigFile(f"{config}/start.sh", start, mode="0750")
    yield from web.access_files(name, seat, render, _proofs(name, seat))
    for ref in dict.fromkeys((*passwords(directory), *elsewhere.passwords(service))):
        yield ConfigFile(password_file(config, ref), Text((ref, "\n")), effect="none")
    yield from elsewhere.authorities(service, config)
    for rules, text in sorted(directory.rules.items()):
        check = ("promtool", "check", "rules", "{file}")
        path = rules_file(config, rules)
        yield ConfigFile(path, Text((text,)), effect="reload", check=check, many=True)
    yield ConfigFile(
        f"{config}/prometheus.yml",
        _config(name, service, seat, directory, render),
        effect="reload",
        check=("promtool", "check", "config", "{file}"),
    )


def rules_file(config: str, name: str) -> str:
    """Named one by one in the configuration: one that goes is forgotten with the next reload."""
    return f"{config}/rules-{name}"


def _proofs(name: str, seat: Seat) -> tuple[Cert, ...]:
    """For those that it asks too: some want to know who collects."""
    return web.proofs(name, seat, PROMETHEUS, "both")


def _config(
    name: str, service: PrometheusService, seat: Seat, directory: Directory, render: Render
) -> Text:
    config, interval = seat.config_dir, service.interval.seconds
    proof = _proofs(name, seat)[0]
    return render(
        "prometheus.yml",
        member=seat.member,
        environment=directory.environment,
        interval=_milliseconds(interval),
        timeout=_milliseconds(patience(interval)),
        rules=[rules_file(config, rules) for rules in sorted(directory.rules)],
        jobs=jobs(directory, config),
        realms=realms(directory),
        alertmanagers=[
            *(_told(one, config, proof) for one in directory.alerting),
            *(elsewhere.told(one, config) for one in service.tells),
        ],
        proof=proof,
        writes=[elsewhere.written(one, config) for one in service.remote_write],
    )


def _told(scrape: Scrape, folder: str, proof: Cert) -> dict[str, str]:
    ref, plain = scrape.password, scrape.tls == "none"
    return {
        "address": address(scrape),
        "scheme": "http" if plain else "https",
        "authority": "" if plain else proof.authority,
        "called": scrape.called,
        "prefix": "",
        "user": scrape.user,
        "password_file": password_file(folder, ref) if ref else "",
    }


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
