"""A real HAProxy in front of real Redis servers and Sentinels, with the files that opsctl makes."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from opsctl.clients.secrets import EnvironmentSecrets, Variables
from opsctl.clients.secrets.deriving import new_root_key
from opsctl.data import renderer
from opsctl.discovery import engines
from opsctl.engines.haproxy.standings import LEADS, balancer_standing
from opsctl.routes import directory
from opsctl.workload import AddressRef, Answer, CertRef, Seat, SecretRef, Text, Workload
from routes_world import environment

pytestmark = pytest.mark.lab
INSTALL = "apt-get install -y haproxy keepalived socat redis-server (or: make tools)"
LOCAL = "127.0.0.1"
SECRETS = EnvironmentSecrets("shop", Variables({"OPSCTL_ROOT_KEY": new_root_key()}), {})
OWN = "127.0.0.7"  # where the balancer is; the servers are on 127.0.0.1
_OFTEN = ("SENTINEL", "DEBUG", "INFO-PERIOD", "300")
SPEC = {"engine": "redis", "on": "dc", "replicas": 3, "failover": "fast"}
EDGE = {"engine": "haproxy", "on": "dc", "replicas": 1}


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert found, f"{name} is missing: {INSTALL}"
    return found


def _free_ports(count: int) -> list[int]:
    doors = [socket.socket() for _ in range(count)]
    for door in doors:
        door.bind((LOCAL, 0))
    numbers = [door.getsockname()[1] for door in doors]
    for door in doors:
        door.close()
    return numbers


def _filled(text: Text) -> str:
    def value(part: object) -> str:
        if isinstance(part, AddressRef):
            return OWN if part.member.startswith("edge") else LOCAL
        if isinstance(part, CertRef):
            called = part.called(lambda one: OWN if one.member.startswith("edge") else LOCAL)
            return SECRETS.certificate(called) or ""
        assert isinstance(part, SecretRef)
        if part.form == "key":
            return SECRETS.value(part) or ""
        plain = part.name.replace("/", "")
        return hashlib.sha256(plain.encode()).hexdigest() if part.form == "sha256" else plain

    return text.fill(value)


def _until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)


@dataclass
class World:
    """Three servers with their Sentinels, and one balancer."""

    folder: Path
    door: int
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    seats: dict[str, Seat] = field(default_factory=dict)

    def start(self, name: str, *argv: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            edge = self.folder / "edge"  # a unit's working directory is the run_dir
            self.processes[name] = subprocess.Popen(argv, stdout=log, stderr=log, cwd=edge)

    def redis(self, member: str, component: str, *words: str) -> str:
        said = subprocess.run(
            [_program("redis-cli"), "-p", str(self.seats[member].ports[component]),
             "--user", "opsctl", "--pass", "sessionsuseropsctl", "--no-auth-warning", *words],
            capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
        return said.stdout.strip()

    def write(self) -> str:
        """What a write through the balancer says, or why there was nobody."""
        with socket.socket() as client:
            client.settimeout(2)
            try:
                client.connect((OWN, self.door))
                client.sendall(b"AUTH app sessionsuserapp\r\nSET k v\r\nROLE\r\n")
                said = b""
                while b"*" not in said and (chunk := client.recv(200)):
                    said += chunk
                return said.decode()
            except OSError as error:
                return str(error)

    def set(self, key: str) -> str:
        """What a write of its own connection through the balancer says, or why there was nobody."""
        with socket.socket() as client:
            client.settimeout(1)
            try:
                client.connect((OWN, self.door))
                client.sendall(f"AUTH app sessionsuserapp\r\nSET {key} v\r\n".encode())
                said = b""
                while said.count(b"\n") < 2 and (chunk := client.recv(200)):
                    said += chunk
                return said.decode().replace("+OK", "", 1)
            except OSError as error:
                return str(error)

    def ask(self, words: str) -> str:
        with socket.socket(socket.AF_UNIX) as client:
            folder = os.open(self.folder / "edge", os.O_RDONLY)
            client.connect(f"/proc/self/fd/{folder}/admin.sock")
            os.close(folder)
            client.sendall(f"{words}\n".encode())
            said = b""
            while chunk := client.recv(65536):
                said += chunk
        return said.decode()

    def leading(self, lane: str = "sessions") -> str:
        """The members that the lane leads to, as the standing says."""
        said = self.ask("show stat -1 6 -1")
        return balancer_standing(Answer(0, said)).details[f"{LEADS} {lane}"]

    def primary(self) -> str:
        port = self.redis("sessions-2", "sentinel", "SENTINEL", "get-master-addr-by-name",
                          "sessions").split()  # fmt: skip
        found = [name for name, seat in self.seats.items() if str(seat.ports["redis"]) in port]
        return next(iter(found), "")

    def script(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(self.folder / "edge" / name), *words],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    def balance(self) -> None:
        """As the unit does it."""
        edge = self.folder / "edge"
        assert self.script("state.sh", "start").returncode == 0
        self.start(
            "edge", _program("haproxy"), "-W", "-S", "unix@master.sock,mode,600",
            "-f", f"{edge}/haproxy.cfg",
        )  # fmt: skip
        _until(lambda: (edge / "admin.sock").exists())

    def end(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _described(world: World) -> Workload:
    routes = {
        "sessions": {"to": "sessions", "port": world.door, "max_connections": 200},
        "read": {
            "to": "sessions",
            "role": "replica",
            "port": world.door + 1,
            "max_lag": "15s",
            "max_connections": 200,
        },
    }
    spec = environment(routes, {"sessions": SPEC, "edge": EDGE})
    ports = _free_ports(7)
    known = engines()
    for number in range(3):
        member = f"sessions-{number}"
        world.seats[member] = _seat(
            world, member, {"redis": ports[number], "sentinel": ports[number + 3]}
        )
    redis = known["redis"].describe(
        "sessions", spec.services["sessions"], tuple(world.seats.values()), renderer("redis"),
        directory(spec, "sessions", {}),
    )  # fmt: skip
    _write_servers(world, redis)
    edge = replace(_seat(world, "edge-0", {"status": ports[6]}))
    folder = str(world.folder / "edge")
    return known["haproxy"].describe(
        "edge", spec.services["edge"], (replace(edge, config_dir=folder, run_dir=folder),),
        renderer("haproxy"), directory(spec, "edge", {"sessions": redis}),
    )  # fmt: skip


def _seat(world: World, member: str, ports: dict[str, int]) -> Seat:
    folder = str(world.folder / member)
    return Seat(member, "server", "n1", "", "debian-12", ports, folder, folder, folder)


def _write_servers(world: World, workload: Workload) -> None:
    """The users as opsctl makes them; else the least that a server needs."""
    first = world.seats["sessions-0"].ports["redis"]
    for member in workload.members():
        folder = world.folder / member.name
        folder.mkdir()
        for part in member.components:
            for file in part.files:
                if file.path.endswith(".acl"):
                    Path(file.path).write_text(_filled(file.text))
        ports = member.seat.ports
        follow = "" if member.name == "sessions-0" else f"replicaof {LOCAL} {first}\n"
        (folder / "redis.conf").write_text(
            f'port {ports["redis"]}\nbind {LOCAL}\ndir {folder}\nsave ""\n{follow}'
            f"aclfile {folder}/users.acl\nmasteruser opsctl-replica\n"
            "masterauth sessionsuseropsctl-replica\nrepl-diskless-sync-delay 0\n"
        )
        (folder / "sentinel.conf").write_text(
            f"port {ports['sentinel']}\nbind {LOCAL}\ndir {folder}\n"
            f"aclfile {folder}/sentinel-users.acl\n"
            "sentinel sentinel-user opsctl-peer\nsentinel sentinel-pass sessionsuseropsctl-peer\n"
            f"sentinel monitor sessions {LOCAL} {first} 2\n"
            "sentinel auth-user sessions opsctl-sentinel\n"
            "sentinel auth-pass sessions sessionsuseropsctl-sentinel\n"
            "sentinel down-after-milliseconds sessions 1000\n"
            "sentinel failover-timeout sessions 6000\n"
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    (tmp_path / "edge").mkdir()
    made = World(tmp_path, _free_ports(1)[0])
    (member,) = _described(made).members()
    for file in member.component("haproxy").all_files:
        Path(file.path).write_text(_filled(file.text))
    server = _program("redis-server")
    try:
        for name in made.seats:
            made.start(name, server, str(tmp_path / name / "redis.conf"))
            made.start(f"s-{name}", server, str(tmp_path / name / "sentinel.conf"), "--sentinel")
        for name in made.seats:  # by itself a Sentinel asks for news every ten seconds
            _until(lambda name=name: made.redis(name, "sentinel", *_OFTEN) == "OK")
        _until(lambda: all(_knows_all(made, name) for name in made.seats))
        made.balance()
        _until(lambda: made.leading() == "sessions-0")
        yield made
    finally:
        made.end()


def _knows_all(world: World, member: str) -> bool:
    said = world.redis(member, "sentinel", "SENTINEL", "MASTER", "sessions").split()
    known = dict(zip(said[::2], said[1::2], strict=False))
    return (known.get("num-other-sentinels"), known.get("num-slaves")) == ("2", "2") and (
        "master_link_status:down" not in world.redis(member, "redis", "INFO", "replication")
    )


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.lstrip("# "))))


def test_a_primary_that_stalled_and_was_replaced_never_gets_a_client_again(world: World) -> None:
    assert "master" in world.write()
    _until(lambda: world.leading("read") == "sessions-1, sessions-2")
    old = world.processes["sessions-0"]
    old.send_signal(signal.SIGSTOP)
    named: list[str] = []

    def gone() -> bool:
        named.append(world.primary())
        return world.leading() == ""

    _until(gone)
    assert named[-1] == "sessions-0"  # gone from the route before anybody replaced it
    _until(lambda: world.primary() not in ("", "sessions-0"))
    old.send_signal(signal.SIGCONT)
    new = world.primary()
    seen = set()
    end = time.monotonic() + 4
    while time.monotonic() < end:
        seen.add(world.leading())
        time.sleep(0.02)
    assert seen <= {"", new}
    _until(lambda: "master" in world.write())
    _until(lambda: "sessions-0" in world.leading("read"))


def _replacing(world: World, *flags: str) -> bool:
    """Whether a Sentinel holds the first server for down, or is replacing it."""
    return any(
        flag in world.redis(name, "sentinel", "SENTINEL", "MASTER", "sessions")
        for name in world.seats
        for flag in flags
    )


@pytest.mark.parametrize("moment", ["s_down", "o_down", "failover_in_progress"])
def test_a_primary_that_returns_in_the_middle_of_its_failover_gets_no_write(
    world: World, moment: str
) -> None:
    old = world.processes["sessions-0"]
    old.send_signal(signal.SIGSTOP)
    # On a busy machine a moment may pass between two looks: then it returns a little later.
    _until(lambda: _replacing(world, moment) or world.primary() not in ("", "sessions-0"))
    old.send_signal(signal.SIGCONT)
    acknowledged: list[str] = []
    began = time.monotonic()
    # An election that nobody won is held again after twice the failover-timeout.
    while time.monotonic() < began + (5 if acknowledged else 30):
        key = f"k{len(acknowledged)}"
        if "+OK" in world.set(key):
            acknowledged.append(key)
    assert acknowledged
    primary = world.primary()
    kept = world.redis(primary, "redis", "EXISTS", *acknowledged)
    assert kept == str(len(acknowledged)), f"{primary} has {kept} of {len(acknowledged)}"


def test_a_restart_and_a_reload_lead_nobody_astray(world: World) -> None:
    config = world.folder / "edge" / "haproxy.cfg"
    config.write_text(config.read_text().replace("maxconn 200", "maxconn 150"))
    reloading = subprocess.Popen(["sh", str(world.folder / "edge" / "reload.sh")])
    said = set()
    while reloading.poll() is None:
        said.add("master" in world.write())
    assert reloading.returncode == 0
    assert said == {True}
    limits = {row["pxname"]: row["slim"] for row in _rows(world.ask("show stat -1 1 -1"))}
    assert limits["sessions"] == "150"
    world.processes["edge"].terminate()
    world.processes["edge"].wait(10)
    (world.folder / "edge" / "admin.sock").unlink()
    world.balance()
    seen = set()
    end = time.monotonic() + 2
    while time.monotonic() < end:
        try:
            seen.add(world.leading())
        except ConnectionError:
            continue
    assert seen <= {"", "sessions-0"}
    _until(lambda: world.leading() == "sessions-0")


def test_a_reload_that_fails_says_so_and_the_old_process_goes_on(world: World) -> None:
    config = world.folder / "edge" / "haproxy.cfg"
    config.write_text(config.read_text().replace("mode tcp", "mode nonsense"))
    script = world.folder / "edge" / "reload.sh"
    script.write_text(script.read_text().replace("-lt 100", "-lt 5"))
    said = world.script("reload.sh")
    assert said.returncode == 1
    assert "the new configuration was not taken in" in said.stderr
    assert "master" in world.write()


def test_a_drain_keeps_new_clients_away_and_ends_old_ones(world: World) -> None:
    _until(lambda: world.leading("read") == "sessions-1, sessions-2")
    clients = [socket.create_connection((OWN, world.door + 1), 2) for _ in range(2)]
    for client in clients:
        client.sendall(b"PING\r\n")
        assert client.recv(100)
    said = world.script("traffic.sh", "drain", "read/sessions-1")
    assert (said.returncode, said.stderr) == (0, "")
    assert world.leading("read") == "sessions-2"
    rows = _rows(world.ask("show stat -1 4 -1"))
    row = next(row for row in rows if (row["pxname"], row["svname"]) == ("read", "sessions-1"))
    assert (row["status"], row["scur"]) == ("DRAIN", "0")
    assert world.script("traffic.sh", "ready", "read/sessions-1").returncode == 0
    assert world.leading("read") == "sessions-1, sessions-2"
    assert world.script("traffic.sh", "drain", "read/nobody").returncode == 1
    for client in clients:
        client.close()


def test_no_password_is_in_what_the_balancer_shows_or_logs(world: World) -> None:
    port = next(
        int(found)
        for found in re.findall(
            rf"bind {OWN}:(\d+)", (world.folder / "edge/haproxy.cfg").read_text()
        )
    )
    world.processes["sessions-1"].terminate()
    _until(lambda: world.leading("read") == "sessions-2")
    shown = world.ask("show stat")
    trust = ssl.create_default_context(cadata=SECRETS.certificate(CertRef()) or "")
    for path in ("/", "/metrics"):
        with trust.wrap_socket(
            socket.create_connection((OWN, port), 5), server_hostname=OWN
        ) as client:
            client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            said = b""
            while chunk := client.recv(65536):
                said += chunk
        assert b"200 OK" in said
        shown += said.decode()
    shown += (world.folder / "edge.log").read_text()
    assert "sessions-1" in shown
    assert "sessionsuseropsctl" not in shown
