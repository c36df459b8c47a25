"""A real HAProxy with the files that a pod gets, without socat, as the usual image has none."""

from __future__ import annotations

import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from test_haproxy_behaviour import (
    EDGE,
    LOCAL,
    OWN,
    World,
    _free_ports,
    _program,
    _until,
    world,
)

from opsctl.data import renderer
from opsctl.discovery import engines
from opsctl.engines.haproxy.standings import LEADS, balancer_standing
from opsctl.routes import directory
from opsctl.targets.kubernetes.seats import seats_near
from opsctl.workload import AddressRef, Answer, SecretRef, Text, Workload
from routes_world import environment

__all__ = ["world"]
pytestmark = pytest.mark.lab


class Balancer:
    """One as in a pod, in front of the world's first server: its first process is the master, its
    programs are those of an image without socat."""

    def __init__(self, folder: Path, server: int) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "bin").mkdir()
        for name in ("sh", "perl", "awk", "grep", "timeout", "sleep", "cat", "mv", "haproxy"):
            (folder / "bin" / name).symlink_to(_program(name))
        self.path = {"PATH": str(folder / "bin")}
        self.status, self.door = _free_ports(2)
        self.server = server
        self.process: subprocess.Popen[bytes] | None = None

    def workload(self, limit: int = 100) -> Workload:
        far = {"engine": "redis", "external": {"addresses": [f"{LOCAL}:{self.server}"]}}
        routes = {"far": {"to": "far", "role": "any", "port": self.door, "max_connections": limit}}
        spec = environment(
            routes, {"far": far, "edge": {**EDGE, "on": "prod"}},
            targets={"prod": {"kubernetes": {}}},
        )  # fmt: skip
        engine = engines()["haproxy"]
        (need,) = engine.needs(spec.services["edge"])
        (seat,) = seats_near("edge", need, ["n1"])
        place = str(self.folder)
        seat = replace(seat, config_dir=place, run_dir=place, ports={"status": self.status})
        lanes = directory(spec, "edge", {})
        return engine.describe("edge", spec.services["edge"], (seat,), renderer("haproxy"), lanes)

    def write(self, workload: Workload) -> None:
        (member,) = workload.members()
        for file in member.component("haproxy").files:
            Path(file.path).write_text(self._filled(file.text).replace("-TERM 1", self._stop()))

    def _stop(self) -> str:
        return f"-TERM {self.process.pid if self.process else 1}"

    def _filled(self, text: Text) -> str:
        def value(part: object) -> str:
            assert not isinstance(part, SecretRef)
            assert isinstance(part, AddressRef)
            assert part.member == ""
            return OWN

        return text.fill(value)

    def run(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, input=stdin, env=self.path, cwd=self.folder,
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    def start(self) -> None:
        (member,) = self.workload().members()
        command = member.component("haproxy").command
        for before in command.before_start:
            done = self.run(*before)
            assert (done.returncode, done.stderr) == (0, "")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command.argv, env=self.path, cwd=self.folder, stdout=log, stderr=log
            )

    def leads(self) -> str:
        (member,) = self.workload().members()
        query = member.component("haproxy").health
        assert query is not None
        done = self.run(*query.argv, stdin=query.stdin.fill(str))
        standing = balancer_standing(Answer(done.returncode, done.stdout, done.stderr))
        return standing.details.get(f"{LEADS} far", "")

    def ready(self) -> bool:
        (member,) = self.workload().members()
        (probe,) = member.component("haproxy").probes
        return self.run(*probe.argv).returncode == 0


@pytest.fixture
def near(world: World, tmp_path: Path) -> Balancer:
    found = Balancer(tmp_path / "pod", world.seats["sessions-0"].ports["redis"])
    assert not shutil.which("socat", path=found.path["PATH"])
    found.write(found.workload())
    found.start()
    world.processes["near"] = found.process  # type: ignore[assignment] - it has just been started
    _until(lambda: found.leads() == "far-0")
    return found


def test_it_serves_at_the_pods_address_and_where_forwarded_ports_come_in(near: Balancer) -> None:
    _until(near.ready)
    for host in (OWN, LOCAL):
        with socket.create_connection((host, near.door), 3) as client:
            client.sendall(b"PING\r\n")
            assert client.recv(100).startswith(b"-NOAUTH")


def test_a_reload_takes_new_files_in_and_keeps_the_first_process(near: Balancer) -> None:
    assert near.process is not None
    with socket.create_connection((LOCAL, near.door), 3) as client:
        near.write(near.workload(limit=77))
        (member,) = near.workload().members()
        done = near.run(*member.component("haproxy").command.reload)
        assert (done.returncode, done.stderr) == (0, "")
        client.sendall(b"PING\r\n")  # through the old process still
        assert client.recv(100).startswith(b"-NOAUTH")
    assert near.process.poll() is None
    said = near.run("sh", "socat.sh", "-t", "5", "-", "UNIX-CONNECT:admin.sock",
                    stdin="show stat -1 1 -1\n").stdout  # fmt: skip
    rows = [line.split(",") for line in said.splitlines()]
    assert next(row[6] for row in rows if row[0] == "far") == "77"
    assert near.leads() == "far-0"


def test_before_it_stops_it_serves_who_is_there_and_then_goes_at_once(near: Balancer) -> None:
    assert near.process is not None
    near.write(near.workload())  # now the first process is known
    (member,) = near.workload().members()
    (last,) = member.component("haproxy").command.before_stop
    with socket.create_connection((LOCAL, near.door), 3) as client:
        stopping = subprocess.Popen(last, env=near.path, cwd=near.folder)
        client.sendall(b"PING\r\n")
        assert client.recv(100).startswith(b"-NOAUTH")
        assert near.process.poll() is None
    assert stopping.wait(20) == 0
    assert near.process.wait(10) in (0, 143, -15)


def test_without_an_answer_the_script_says_so(near: Balancer) -> None:
    done = near.run("sh", "socat.sh", "-t", "1", "-", "UNIX-CONNECT:none.sock")
    assert done.returncode != 0
    assert "none.sock" in done.stderr
