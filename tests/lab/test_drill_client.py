"""The drill's client against a real server on this machine's loopback."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from drill_client import PATIENT, client, through
from opsctl.drills.document import Document
from opsctl.drills.measure import measure

pytestmark = pytest.mark.lab
PASSWORD = "t0p-drill"


@dataclass
class Server:
    """One redis-server of the test's own, without a disk."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        user = f"user app on >{PASSWORD} ~* +@all -@admin -@dangerous"
        (self.folder / "redis.conf").write_text(
            f'bind 127.0.0.1\nport {self.port}\nsave ""\ndir {self.folder}\n{user}\n'
        )
        argv = ["redis-server", str(self.folder / "redis.conf")]
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while self.tell("PING") != "PONG":
            assert time.monotonic() < end, "redis-server did not start"
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def tell(self, *words: str) -> str:
        """As the default user, who may do all here."""
        argv = ["redis-cli", "-p", str(self.port), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=10).stdout.strip()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if shutil.which("redis-server") is None or shutil.which("redis-cli") is None:
        pytest.fail("redis-server is missing: RUNLEVEL=1 apt-get install -y redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    one = Server(tmp_path, port)
    one.start()
    yield one
    one.stop()


def run(server: Server, strike: Callable[[], None], **settings: object) -> Document:
    return through(server.port, strike, user="app", password=PASSWORD, **settings)


def test_a_paused_server_cuts_off_for_as_long_and_loses_nothing(server: Server) -> None:
    def pause() -> None:
        server.signal(signal.SIGSTOP)
        time.sleep(0.8)
        server.signal(signal.SIGCONT)

    measured = measure(run(server, pause))
    assert measured.longest is not None
    assert measured.longest.seconds > 0.75
    assert measured.fates is not None
    assert (measured.fates.lost, measured.fates.duplicated, measured.fates.reordered) == (0, 0, 0)
    assert measured.fates.unanswered >= 1
    assert server.tell("DBSIZE") == "0"


def test_a_server_without_a_disk_that_dies_loses_what_it_acknowledged(server: Server) -> None:
    def die() -> None:
        server.stop()
        time.sleep(1.5)  # long enough that a client on a busy machine tries meanwhile
        server.start()

    found = run(server, die)
    measured = measure(found)
    assert measured.fates is not None
    before = measured.longest
    assert before is not None
    told = sum(one.outcome == "ok" and one.ended <= before.begin for one in found.attempts)
    assert measured.fates.lost == told
    assert any(kind.endswith("ECONNREFUSED") for kind, _ in measured.errors)
    assert server.tell("DBSIZE") == "0"


def test_a_demoted_server_refuses_and_nothing_refused_is_found(server: Server) -> None:
    def demote() -> None:
        server.tell("REPLICAOF", "127.0.0.1", "1")
        time.sleep(1.0)
        server.tell("REPLICAOF", "NO", "ONE")

    measured = measure(run(server, demote))
    assert dict(measured.errors)["READONLY"] > 0
    assert measured.fates is not None
    assert (measured.fates.lost, measured.fates.refused_written) == (0, 0)


def test_what_a_killed_client_leaves_is_dropped_by_the_server(server: Server) -> None:
    with client(server.port, user="app", password=PASSWORD, keep=60.0) as one:
        one.await_ready()
        one.process.kill()
    assert 0 < int(server.tell("TTL", "opsctl-drill:r1:0")) <= 60


def test_writes_taken_back_and_put_elsewhere_are_seen(server: Server) -> None:
    key = "opsctl-drill:r1:0"

    def meddle() -> None:
        assert server.tell("LREM", key, "1", "3") == "1"
        server.tell("LMOVE", key, key, "LEFT", "RIGHT")
        server.tell("LPUSH", key, "5")

    fates = measure(run(server, meddle, **PATIENT)).fates
    assert fates is not None
    assert (fates.lost, fates.duplicated) == (1, 1)
    assert fates.lost_first == ((0, 3),)
    assert fates.reordered >= 1
