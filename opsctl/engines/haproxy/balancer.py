"""The balancer of a member."""

from __future__ import annotations

from functools import partial
from typing import Literal

from opsctl.engines.haproxy.config import LaneLines, ServerLine, lane_lines, milliseconds
from opsctl.engines.haproxy.pool import HAPROXY, STATUS, USER, Pool, admin, own, script, socat
from opsctl.engines.haproxy.reach import claims
from opsctl.engines.haproxy.signals import USER as USER_METRICS
from opsctl.engines.haproxy.signals import proof, secret
from opsctl.engines.haproxy.software import haproxy_software
from opsctl.engines.haproxy.standings import balancer_standing
from opsctl.workload import (
    Cert,
    Command,
    Component,
    ConfigFile,
    Limits,
    Port,
    Probe,
    Query,
    Render,
    Seat,
    Sign,
    Text,
)

MIB = 1024**2
OLD = "15m"  # that connections live on which came in before a reload
JOINING = 30  # seconds that a new balancer leaves addresses alone that somebody answers
PATIENCE = 5  # seconds that draining waits for connections to end, and leaving for addresses
_OWN = 500  # descriptors and connections of checks, pages and sockets, beside clients' ones
_FEWEST = 2**18  # descriptors: for 130,000 connections
_LEAST = 4096 * MIB  # of a container's bound: for nine routes of 10,000 connections
_CONNECTION = 40 * 1024  # bytes: two buffers of 16 KiB while data flows, and what surrounds them


def balancer(pool: Pool, seat: Seat, render: Render) -> Component:
    """HAProxy with a master process, so that a reload keeps the unit's process."""
    listens = pool.listens(seat)
    lines = tuple(lane_lines(lane, seat, listens[lane.name]) for lane in pool.lanes)
    connections = sum(lane.maxconn for lane in lines) + _OWN
    config = seat.config_dir
    leaving = tuple(("sh", script(seat, name)) for name in _last(pool))
    return Component(
        name=HAPROXY,
        software=haproxy_software(pool),
        command=Command(
            argv=(
                "haproxy", "-W",
                "-S", "unix@master.sock,mode,600",
                "-f", f"{config}/haproxy.cfg",
            ),
            before_start=(("sh", f"{config}/state.sh", "start"),),
            before_start_timeout=10.0,
            after_start=(("rm", "-f", f"{seat.run_dir}/away"),),
            reload=("sh", f"{config}/reload.sh"),
            before_stop=leaving,
            grace=10.0 + PATIENCE,
            # Sooner than its addresses could move: keepalived has to miss it twice.
            restart_delay=0.1,
        ),
        user=USER,
        files=_files(pool, seat, render, lines, connections),
        ports=_ports(pool, seat),
        probes=(Probe("ready", ("sh", f"{config}/serves.sh"), period=2.0),),
        limits=Limits(
            memory=_memory(pool, 256 * MIB + connections * _CONNECTION),
            memory_request=64 * MIB,
            open_files=_open_files(connections),
        ),
        health=Query(
            admin(seat),
            partial(balancer_standing, claims=claims(pool, seat)),
            Text(("show stat -1 7 -1\n",)),
        ),
        signs=(
            # The master's own copy of the line has "(PID) : " before it.
            Sign(
                r"(?<!\) : )Server (?P<route>[a-z0-9-]+)/(?P<member>\S+) is DOWN, reason",
                "detected",
                "{route} leads to {member} no more",
            ),
            Sign(
                r"(?<!\) : )Server (?P<route>[a-z0-9-]+)/(?P<member>\S+) is UP, reason",
                "switched",
                "{route} leads to {member}",
            ),
        ),
        certs=_certs(pool, seat),
    )  # fmt: skip


def _certs(pool: Pool, seat: Seat) -> tuple[Cert, ...]:
    found = proof(pool, seat)
    return (found,) if found else ()


def _memory(pool: Pool, needed: int) -> int:
    """In steps of twice as much where a container is bound to what it was started with: there too
    a route more or less should be a reload. A bound is not taken from anybody."""
    if not pool.near:
        return needed
    memory = _LEAST
    while memory < needed:
        memory *= 2
    return memory


def _open_files(connections: int) -> int:
    """Two for each connection, in steps of twice as many: a process can't be given more while it
    runs, and a route more or less should be a reload."""
    files = _FEWEST
    while files < 2 * connections + _OWN:
        files *= 2
    return files


def _doors(pool: Pool) -> list[str]:
    """One of each floating address, as socat has it."""
    found: dict[str, str] = {}
    for lane in pool.lanes:
        if lane.address:
            six = ":" in lane.address
            place = f"TCP6:[{lane.address}]" if six else f"TCP4:{lane.address}"
            found.setdefault(lane.address, f"{place}:{lane.port}")
    return list(found.values())


def _files(
    pool: Pool, seat: Seat, render: Render, lines: tuple[LaneLines, ...], connections: int
) -> tuple[ConfigFile, ...]:
    config = seat.config_dir
    known: dict[str, object] = {
        "member": pool.title(seat),
        "socat": socat(seat),
        "process": 1,  # a container's first
        "config_dir": config,
        "run_dir": seat.run_dir,
        "status_port": seat.ports[STATUS],
        "patience": PATIENCE,
        "joining": JOINING,
        "doors": _doors(pool),
    }
    main = render(
        "haproxy.cfg",
        **known,
        own=own(seat),
        metrics_user=USER_METRICS if pool.service.metrics else "",
        metrics_hash=secret(pool, "bcrypt"),
        proof=next(iter(_certs(pool, seat)), None),
        lanes=lines,
        claims=claims(pool, seat),
        advert=milliseconds(pool.pace.advert),
        maxconn=connections,
        patience_old=OLD,
        named=any(server.named for lane in lines for server in lane.servers),
    )
    known["addresses"] = [vip.address for vip in pool.vips]
    scripts = ["state.sh", "reload.sh", "traffic.sh", "serves.sh", *_last(pool)]
    if seat.system == "image":
        scripts.append("socat.sh")
    return (
        ConfigFile(
            f"{config}/haproxy.cfg",
            main,
            effect="reload",
            check=("haproxy", "-c", "-f", "{file}"),
        ),
        ConfigFile(
            f"{config}/unasked.state",
            render("unasked.state", servers=_unasked(lines)),
            effect="none",
        ),
        *(
            ConfigFile(script(seat, name), render(name, **known), mode="0750", effect="none")
            for name in scripts
        ),
    )


def _last(pool: Pool) -> list[str]:
    """What is done before it stops."""
    if pool.near:
        return ["finish.sh"]
    return ["leave.sh"] if pool.vips else []


def _unasked(lines: tuple[LaneLines, ...]) -> list[dict[str, object]]:
    """Every server that somebody is led to, or that votes. HAProxy goes by the names; the numbers
    must only be there."""
    backends: list[tuple[str, tuple[ServerLine, ...]]] = []
    for lane in lines:
        backends.append((lane.name, lane.servers))
        for one in lane.elections:
            backends.append((one.backend, one.voters))
            if one.vetoes:
                backends.append((one.veto_backend, one.vetoes))
    return [
        {"backend_id": number, "backend": backend, "id": index, "name": one.name, "port": one.port}
        for number, (backend, servers) in enumerate(backends, 1)
        for index, one in enumerate(servers, 1)
    ]


def _ports(pool: Pool, seat: Seat) -> tuple[Port, ...]:
    listens = pool.listens(seat)
    lanes = tuple(
        Port(
            lane.name,
            listens[lane.name],
            address=lane.address,
            entrance=lane.port if pool.near else 0,
        )
        for lane in pool.lanes
    )
    readers: Literal["collectors", "members"] = "collectors" if pool.service.metrics else "members"
    return (Port(STATUS, seat.ports[STATUS], readers), *lanes)
