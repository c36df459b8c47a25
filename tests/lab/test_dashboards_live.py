"""Every panel of every dashboard, asked of a real Prometheus that watches real servers.

All of it runs on this machine's loopback: what counts here are the names of metrics and labels that
real exporters send, and that Prometheus takes every question.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards_world import ByName, dashboards
from opsctl.clients.prometheus import PrometheusServer
from opsctl.errors import OpsError
from opsctl.flow.dashboards import check
from opsctl.monitoring.dashboards.drawing import Window, drawn

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
HAPROXY = """\
global
  maxconn 100
defaults
  mode tcp
  timeout connect 2s
  timeout client 1m
  timeout server 1m
frontend metrics
  mode http
  bind 127.0.0.1:{metrics}
  http-request use-service prometheus-exporter if {{ path /metrics }}
listen sessions
  bind 127.0.0.1:{door}
  server sessions-0 127.0.0.1:{redis} check inter 500
"""


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in opened:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in opened]


@contextmanager
def running(argv: Sequence[object], log: Path) -> Iterator[None]:
    with log.open("w") as out:
        child = subprocess.Popen([str(word) for word in argv], stdout=out, stderr=out)
        try:
            yield
        finally:
            child.terminate()
            child.wait(30)


def await_(what: Callable[[], bool], words: str) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            if what():
                return
        except OpsError:
            pass  # it does not answer yet
        time.sleep(0.2)
    raise AssertionError(f"never: {words}")


def target(port: int, service: str, member: str, host: str) -> dict[str, Any]:
    labels = {"environment": "shop", "service": service, "member": member, "host": host}
    return {"targets": [f"127.0.0.1:{port}"], "labels": labels}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """A primary and a replica, a balancer, this host, and the Prometheus that watches them."""
    folder = tmp_path_factory.mktemp("watched")
    primary, replica, one, two, door, stats, node, web = free_ports(8)
    (folder / "haproxy.cfg").write_text(HAPROXY.format(metrics=stats, door=door, redis=primary))
    jobs = {
        "redis": [target(one, "sessions", "sessions-0", "n0"),
                  target(two, "sessions", "sessions-1", "n1")],
        "haproxy": [target(stats, "door", "door-0", "n0")],
        "node": [target(node, "hosts", "hosts-0", "n0")],
        "prometheus": [target(web, "metrics", "metrics-0", "n0")],
    }  # fmt: skip
    config = {
        # Also how long each may take: who is late once has an empty panel.
        "global": {"scrape_interval": "3s"},
        "scrape_configs": [
            {"job_name": job, "static_configs": found} for job, found in jobs.items()
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    redis = ("redis-server", "--save", "", "--maxmemory", "64mb", "--dir", folder, "--port")
    exporter = ("prometheus-redis-exporter", "-redis.addr")
    commands: dict[str, Sequence[object]] = {
        "primary": (*redis, primary),
        "replica": (*redis, replica, "--replicaof", f"127.0.0.1 {primary}"),
        "one": (*exporter, f"127.0.0.1:{primary}", "-web.listen-address", f"127.0.0.1:{one}"),
        "two": (*exporter, f"127.0.0.1:{replica}", "-web.listen-address", f"127.0.0.1:{two}"),
        "haproxy": ("/usr/sbin/haproxy", "-f", folder / "haproxy.cfg"),
        "node": ("prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{node}"),
        "prometheus": (
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{web}",
        ),
    }
    with ExitStack() as stack:
        for name, argv in commands.items():
            stack.enter_context(running(argv, folder / f"{name}.log"))
        server = PrometheusServer(f"http://127.0.0.1:{web}")
        await_(lambda: len(server.now("up == 1")) == 5, "five targets up")
        stack.enter_context(busy(primary))
        replicas = "redis_connected_slave_lag_seconds"
        await_(lambda: len(server.now(replicas)) == 1, "a replica follows")
        ready = "count(count_over_time(up[1m]) >= 5) == 5 and sum(redis_db_keys) > 0"
        await_(lambda: bool(server.now(ready)), "five scrapes of everybody")
        yield server


@contextmanager
def busy(port: int) -> Iterator[None]:
    """Writes and reads for as long as it lasts."""
    script = f"while :; do redis-cli -p {port} set k v; redis-cli -p {port} get k; sleep 0.3; done"
    child = subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        child.kill()
        child.wait(30)


def test_no_panel_is_empty_for_any_service_member_or_host(prometheus: PrometheusServer) -> None:
    done = check(dashboards(), prometheus)
    assert [(one.dashboard, one.panel, dict(one.choice), one.expr) for one in done.blank] == []
    assert done.asked > done.panels > 100


def test_a_panel_that_nobody_answers_and_one_that_is_wrong_are_found(
    prometheus: PrometheusServer,
) -> None:
    redis = next(one for one in dashboards() if one.subject == "redis")
    text = redis.board.model_dump_json(by_alias=True)
    text = text.replace("redis_db_keys{", "redis_db_kyes{").replace(
        "min by (member) (redis_", "min by (member (redis_"
    )
    broken = replace(redis, board=type(redis.board).model_validate_json(text))
    done = check([broken], prometheus)
    assert {(one.panel, one.why) for one in done.blank} == {
        ("Keys", "empty"),
        ("Last save", "refused"),
    }


def test_the_same_panels_are_drawn_with_what_was_measured(prometheus: PrometheusServer) -> None:
    window = Window(time.time() - 60, time.time())
    shown = json.loads(json.dumps(list(drawn(dashboards(), prometheus, ByName(), window))))
    panels = {
        (one["anchor"], panel["title"]): panel
        for one in shown
        for row in one["rows"]
        for panel in row["panels"]
    }
    roles = panels["servers-redis-sessions", "Roles"]
    last = {one["name"]: [v for v in one["values"] if v is not None][-1] for one in roles["series"]}
    assert last == {"sessions-0": 2, "sessions-1": 1}
    memory = panels["servers-redis-sessions", "Memory"]
    assert memory["unit"] == "bytes"
    assert "limit" in {one["name"] for one in memory["series"]}
    rows = panels["environment", "Services and their members"]["rows"]
    assert {row["key"]: row["values"][0] for row in rows}["sessions"] == 2
