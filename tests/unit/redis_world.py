"""A small pretend Redis service: seats, descriptions, and servers that obey calls."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

from opsctl.data import renderer
from opsctl.engines.redis import ENGINE
from opsctl.engines.redis.engine import RedisEngine
from opsctl.workload import (
    Act,
    AddressRef,
    Answer,
    Call,
    Directory,
    Gate,
    Seat,
    SecretRef,
    Standing,
    Standings,
    Workload,
)


def seats(
    count: int, *, system: str = "debian-13", sentinel: bool = True, metrics: bool = False
) -> list[Seat]:
    ports = {"redis": 6379} | ({"sentinel": 26379} if sentinel else {})
    return [
        Seat(
            member=f"shop-{index}",
            group="server",
            node=f"n{index + 1}",
            zone="",
            system=system,
            ports=ports,
            config_dir=f"/etc/opsctl/shop-{index}",
            data_dir=f"/var/lib/opsctl/shop-{index}",
            run_dir=f"/run/opsctl/shop-{index}",
            backup_dir=f"/var/backup/shop-{index}",
            metrics_dir="/var/metrics" if metrics else "",
        )
        for index in range(count)
    ]


def described(
    count: int = 3, *, engine: RedisEngine = ENGINE, system: str = "debian-13", **keys: Any
) -> Workload:
    service = engine.options(engine=engine.name, on="dc", replicas=count, **keys)
    sentinel = service.mode == "sentinel"
    there = seats(count, system=system, sentinel=sentinel, metrics=service.metrics)
    return engine.describe("shop", service, there, renderer(engine.templates), Directory())


def filled(part: object) -> str:
    """References as a test reads them: members by address, secrets by name."""
    if isinstance(part, AddressRef):
        return address(part.member)
    if isinstance(part, SecretRef):
        return f"<{part.name}>" if part.form == "plain" else f"<sha256 {part.name}>"
    return f"<file {part.path}>"  # type: ignore[attr-defined]


def address(member: str) -> str:
    return f"10.0.0.{int(member.rpartition('-')[2]) + 1}"


def file_of(workload: Workload, member: str, name: str) -> str:
    """The whole text of the member's file whose path ends in `name`."""
    for component in workload.member(member).components:
        for file in component.files:
            if file.path.rpartition("/")[2] == name:
                return file.text.fill(filled)
    raise AssertionError(f"{member} has no file {name}")


@dataclass
class Server:
    role: str = "replica"
    following: str = ""
    priority: str = "100"
    paused: bool = False
    up: bool = True
    offset: int = 100
    saved: str = "ok"
    appended: str = "ok"


@dataclass
class Pretend:
    """Servers and Sentinels that do at once what they are told, as the real ones do in time."""

    workload: Workload
    primary: str = "shop-0"
    servers: dict[str, Server] = field(default_factory=dict)
    believed: str = ""
    known: dict[str, set[str]] = field(default_factory=dict)
    tilted: set[str] = field(default_factory=set)  # whose Sentinels take orders and do nothing
    strangers: dict[str, str] = field(default_factory=dict)  # who follows and is none: flags

    def __post_init__(self) -> None:
        members = [member.name for member in self.workload.members()]
        self.servers = {member: Server(following=self.primary) for member in members}
        self.servers[self.primary] = Server(role="primary")
        self.believed = self.primary
        self.known = {member: set(members) for member in members}

    @property
    def accepting(self) -> list[str]:
        """Members that would acknowledge a write now."""
        return [
            name
            for name, server in self.servers.items()
            if server.up and server.role == "primary" and not server.paused
        ]

    def standings(self) -> Standings:
        found: dict[tuple[str, str], Standing] = {}
        for name, server in self.servers.items():
            if server.up:
                found[name, "redis"] = self._server(name, server)
                if "sentinel" in {part.name for part in self.workload.member(name).components}:
                    found[name, "sentinel"] = self._sentinel(name)
        return found

    def _server(self, name: str, server: Server) -> Standing:
        primary = server.role == "primary"
        return Standing(
            role="primary" if primary else "replica",
            ready=server.appended == "ok" and (primary or self.servers[server.following].up),
            following="" if primary else f"{address(server.following)}:6379",
            offset=server.offset,
            details={
                "address": f"{address(name)}:6379",
                "priority": server.priority,
                "saved": server.saved,
                "appended": server.appended,
                "replicating": " ".join(self._fed() if primary else ()),
            },
        )

    def _fed(self) -> list[str]:
        """Addresses of those that follow a primary now."""
        return [
            *(f"{address(one)}:6379" for one, other in self.servers.items()
              if other.up and other.role == "replica"),
            *self.strangers,
        ]  # fmt: skip

    def _sentinel(self, name: str) -> Standing:
        up = self.servers[self.believed].up
        others = self.known[name] - {self.believed}
        return Standing(
            role="arbiter",
            ready=up,
            following=f"{address(self.believed)}:6379",
            details={
                "sentinels": str(len(self.known[name])),
                "replicas": str(len(others) + len(self.strangers)),
                "flags": "master" if up else "s_down,o_down,master",
                "tilt": "1" if name in self.tilted else "0",
                **{
                    f"priority {address(other)}:6379": self.servers[other].priority
                    for other in others
                },
                **{
                    f"flags {address(other)}:6379": "slave"
                    if self.servers[other].up
                    else "s_down,slave,disconnected"
                    for other in others
                },
                **{f"priority {one}": "100" for one in self.strangers},
                **{f"flags {one}": flags for one, flags in self.strangers.items()},
            },
        )

    def obey(self, call: Call) -> Answer:
        if not self.servers[call.member].up:
            return Answer(1, "", "Could not connect to Redis: Connection refused")
        if call.argv[-1].endswith("/unpause.sh"):
            self._end_pause(call.member)
            return Answer(0, "OK\nOK\n")
        lines = call.stdin.fill(filled).splitlines()[1:]
        for line in lines:
            self._do(call.member, line.split())
        return Answer(0, "OK\n" * (len(lines) + 1))

    def _end_pause(self, member: str) -> None:
        """What unpause.sh of either mode does."""
        server = self.servers[member]
        promoted = [
            name
            for name, other in self.servers.items()
            if name != member and other.up and other.role == "primary"
        ]
        sentinel = len(self.workload.member(member).components) == 2
        if promoted and not sentinel:
            server.role, server.following = "replica", promoted[0]
        if not (promoted and sentinel):
            server.paused = False

    def _do(self, member: str, words: list[str]) -> None:
        server = self.servers[member]
        match words:
            case ["CONFIG", "SET", "replica-priority", value]:
                server.priority = value
            case ["CLIENT", "PAUSE", *_]:
                server.paused = True
            case ["CLIENT", "UNPAUSE"]:
                server.paused = False
            case ["REPLICAOF", "NO", "ONE"]:
                server.role, server.following = "primary", ""
            case ["REPLICAOF", host, _]:
                server.role = "replica"
                server.following = next(name for name in self.servers if address(name) == host)
            case ["SENTINEL", "FAILOVER", _]:
                self._elect()
            case ["SENTINEL", "RESET", _]:
                self.known[member] = {name for name, other in self.servers.items() if other.up}

    def _elect(self) -> None:
        candidates = [
            (server.priority != "1", name)
            for name, server in self.servers.items()
            if server.up and name != self.believed
        ]
        old, new = self.believed, min(candidates)[1]
        self.servers[new].role, self.servers[new].following = "primary", ""
        for name, server in self.servers.items():
            if name not in (old, new):
                server.following = new
        self.believed = new

    def perform(self, acts: tuple[Act, ...], stop_after: int | None = None) -> None:
        """Performs acts as the runner does; stopped after so many, it undoes them and returns."""
        begun: list[Act] = []
        for act in acts[:stop_after]:
            begun.append(act)
            refused = act.call.refused(self.obey(act.call))
            assert not refused, f"{act.call.words}: {refused}"
            if act.until:
                self.expect(act.until)
        if stop_after is not None and stop_after < len(acts):
            for act in reversed(begun):
                for call in act.undo:
                    self.obey(call)

    def settle(self) -> None:
        """What Sentinel does in some seconds: whom it does not believe in becomes a replica."""
        if "sentinel" not in {key[1] for key in self.standings()}:
            return
        for name, server in self.servers.items():
            if server.role == "primary" and name != self.believed:
                server.role, server.following, server.paused = "replica", self.believed, False

    def expect(self, gate: Gate) -> None:
        reason = gate.holds(self.standings())
        assert not reason, f"{gate.words}: {reason}"


def free_port() -> int:
    """For a real server beside the pretend ones."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
