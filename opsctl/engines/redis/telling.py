"""Who tells of backups where nobody reads files of a node: an exporter of them beside a member."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.engines import web
from opsctl.engines.redis.cast import Cast
from opsctl.engines.redis.users import METRICS
from opsctl.workload import (
    Command,
    Component,
    ConfigFile,
    Limits,
    Port,
    Render,
    Scrape,
    Seat,
    SecretRef,
    Software,
    Text,
)

TELLER = "backup-exporter"  # the component, and its port
PORT = 9122
JOB = "backup"


def tells(seat: Seat) -> bool:
    """Whether what the member's job leaves in files is read by nobody else."""
    return TELLER in seat.ports and bool(seat.backup_dir)


def folder(seat: Seat) -> str:
    """Where the job leaves its metrics."""
    return f"{seat.backup_dir}/metrics"


def teller(cast: Cast, seat: Seat, job: str, render: Render) -> Component:
    """A node exporter that reads the files of the member's job `job` and nothing else. Whoever has
    the password of the user for metrics is let in: it reads that anew for every request."""
    config = seat.config_dir
    served = f"{config}/{TELLER}.yml"
    start = render(
        "start-teller.sh",
        member=seat.member,
        port=seat.ports[TELLER],
        web_config=served,
        folder=folder(seat),
    )
    proof = web.proof(cast.name, seat, TELLER, f"{TELLER}.pem")
    shown = f"tls_server_config:\n  cert_file: {proof.path}\n  key_file: {proof.key}\n"
    users = (f"{shown}basic_auth_users:\n  {METRICS}: ", _password(cast, "bcrypt"), "\n")
    return Component(
        name=TELLER,
        software=Software({}, web.image("node-exporter", web.NODE_EXPORTER)),
        command=Command(("sh", f"{config}/start-teller.sh"), grace=5.0),
        user=cast.flavour.user,
        files=(
            ConfigFile(f"{config}/start-teller.sh", start, mode="0750"),
            ConfigFile(served, Text(users), effect="none"),
        ),
        ports=(Port(TELLER, seat.ports[TELLER], "collectors"),),
        limits=Limits(memory=64 * web.MIB, memory_request=16 * web.MIB),
        reads=(job,),
        certs=(proof,),
    )


def told(cast: Cast) -> Iterator[Scrape]:
    """Where it is asked."""
    for seat in cast.seats:
        if tells(seat):
            yield Scrape(
                JOB,
                seat.member,
                seat.ports[TELLER],
                user=METRICS,
                password=_password(cast),
                tls="server",
                called=web.called(cast.name, seat),
            )


def _password(cast: Cast, form: str = "plain") -> SecretRef:
    name = f"{cast.name}/user/{METRICS}"
    return SecretRef(name, "bcrypt" if form == "bcrypt" else "plain")
