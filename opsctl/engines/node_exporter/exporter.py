"""The exporter of a member."""

from __future__ import annotations

from opsctl.engines import web
from opsctl.engines.node_exporter.options import NodeExporterService
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
    Seat,
    Software,
    Text,
)

EXPORTER = "exporter"
JOB = "node"
# What alerts and dashboards look at. timex: whether the kernel's clock is kept; chrony needs no
# exporter of its own.
COLLECTORS = (
    "conntrack", "cpu", "diskstats", "filefd", "filesystem", "loadavg", "meminfo", "netdev",
    "netstat", "pressure", "sockstat", "stat", "textfile", "time", "timex", "uname", "vmstat",
)  # fmt: skip


def exporter(name: str, service: NodeExporterService, seat: Seat, render: Render) -> Component:
    """It sees the whole host and may change nothing. Other programs leave files of metrics in a
    folder of the host, or beside its configuration."""
    own_unit = "prometheus-node-exporter.service"
    packages = (Package("prometheus-node-exporter", service.version or "", (own_unit,)),)
    config = seat.config_dir
    told = seat.metrics_dir or f"{config}/metrics"
    proofs = web.proofs(name, seat, EXPORTER)
    start = render(
        "start.sh",
        member=web.title(name, seat),
        host=web.listening(seat),
        port=seat.ports[web.WEB],
        web_config=web.served_by(seat),
        collectors=COLLECTORS,
        root=seat.root,
        textfile=told,
    )
    return Component(
        name=EXPORTER,
        software=Software(
            dict.fromkeys(web.SYSTEMS, packages),
            web.image("node-exporter", service.version or web.NODE_EXPORTER),
        ),
        command=Command(("sh", f"{config}/start.sh"), grace=5.0),
        user=web.ACCOUNT,
        files=(
            ConfigFile(f"{config}/start.sh", start, mode="0750"),
            *web.access_files(name, seat, render, proofs),
            ConfigFile(f"{told}/opsctl.prom", _facts(proofs, render), effect="none"),
        ),
        ports=(Port(web.WEB, seat.ports[web.WEB], "collectors"),),
        probes=(Probe("live", web.ask(seat, "health"), period=10.0, failures=6),),
        limits=Limits(memory=64 * web.MIB, memory_request=16 * web.MIB),
        health=web.health(seat, web.answering),
        sees=("clock", "homes"),
        certs=proofs,
    )


def _facts(proofs: tuple[Cert, ...], render: Render) -> Text:
    """What opsctl knows and no program tells. The certificates of an environment are renewed in the
    same turn, so one of them on each host tells of a host that no apply came to."""
    ends = [
        part
        for proof in proofs
        for part in ("opsctl_certificate_end_time_seconds ", proof.end, "\n")
    ]
    return Text((*render("opsctl.prom").parts, *ends))
