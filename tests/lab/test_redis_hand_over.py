"""A primary that is told to stop, by whomever: real servers, Sentinels and a balancer."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_haproxy_behaviour import SPEC, World, _filled, _until, world

from opsctl.data import renderer
from opsctl.discovery import engines
from opsctl.workload import Directory
from routes_world import environment

__all__ = ["world"]
pytestmark = pytest.mark.lab


@pytest.fixture
def stopping(world: World) -> World:
    """The world, with the scripts beside its servers that a stop runs."""
    spec = environment({}, {"sessions": SPEC})
    engine = engines()["redis"]
    redis = engine.describe(
        "sessions", spec.services["sessions"], tuple(world.seats.values()),
        renderer("redis"), Directory(),
    )  # fmt: skip
    for member in redis.members():
        for file in member.component("redis").files:
            if file.path.endswith((".sh", ".auth")):
                Path(file.path).write_text(_filled(file.text))
    return world


def hand_over(world: World, member: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(world.folder / member / "hand-over.sh")],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip


@contextmanager
def writing(world: World) -> Iterator[list[str]]:
    """A client that writes through the balancer all the time; what was acknowledged."""
    acknowledged: list[str] = []
    ended = threading.Event()

    def write() -> None:
        count = 0
        while not ended.is_set():
            count += 1
            if "+OK" in world.set(f"k{count}"):
                acknowledged.append(f"k{count}")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield acknowledged
    finally:
        ended.set()
        thread.join()


def test_a_primary_that_is_stopped_hands_over_first_and_loses_no_write(stopping: World) -> None:
    with writing(stopping) as acknowledged:
        _until(lambda: len(acknowledged) > 20)
        said = hand_over(stopping, "sessions-0")
        for name in ("sessions-0", "s-sessions-0"):  # as a pod ends: both at once
            stopping.processes[name].send_signal(signal.SIGTERM)
        before = len(acknowledged)
        _until(lambda: len(acknowledged) > before + 20)
    assert said.returncode == 0
    assert "sessions-0 handed over to" in said.stdout
    primary = stopping.primary()
    assert primary in ("sessions-1", "sessions-2")
    kept = stopping.redis(primary, "redis", "EXISTS", *acknowledged)
    assert kept == str(len(acknowledged))
    logs = [(stopping.folder / f"s-{name}.log").read_text() for name in stopping.seats]
    assert not any("+odown" in log.partition("+switch-master")[0] for log in logs)


def test_a_replica_that_is_stopped_has_nothing_to_hand_over(stopping: World) -> None:
    said = hand_over(stopping, "sessions-1")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    assert stopping.primary() == "sessions-0"


def test_a_primary_one_of_whose_replicas_lags_stops_as_primary_and_serves_until_then(
    stopping: World,
) -> None:
    replica = stopping.processes["sessions-2"]
    replica.send_signal(signal.SIGSTOP)
    said = hand_over(stopping, "sessions-0")
    assert said.returncode == 0
    assert "stops as primary: a replica lags" in said.stderr
    assert "+OK" in stopping.set("after")
    assert stopping.primary() == "sessions-0"


def test_a_primary_that_died_is_not_asked(stopping: World) -> None:
    script = stopping.folder / "sessions-0" / "hand-over.sh"
    said = subprocess.run(
        ["sh", str(script)], env={"SERVICE_RESULT": "signal", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert (said.returncode, said.stdout) == (0, "")
    assert stopping.primary() == "sessions-0"
