"""A spec in, Prometheus's rule files out: one for each service, as reviewed."""

from __future__ import annotations

from pathlib import Path

from showing import Golden

from alert_world import watched
from opsctl.data import catalogue
from opsctl.discovery import engines
from opsctl.model import load
from opsctl.monitoring import rule_files

HERE = Path(__file__).parent


def test_rules_are_as_reviewed(golden: Golden) -> None:
    """A Redis with Sentinel behind a floating address, whose clients are promised something."""
    known = {name: engine.options for name, engine in engines().items()}
    promised = "services.sessions.slo={availability: 99.9, latency: 50ms}"
    spec = load([HERE / "routes-shared-vip" / "spec.yaml"], [promised], engines=known)
    workloads = {
        "sessions": watched(
            "sessions", "redis", members=3, replicas=2, sentinels=3, clients=10_000
        ),
        "edge": watched("edge", "haproxy", members=2),
        "clocks": watched("clocks", "chrony", members=3),
    }
    golden(HERE / "rule-files", dict(rule_files(spec, workloads, catalogue)))
