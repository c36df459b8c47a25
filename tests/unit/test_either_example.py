"""The same service on hosts and in a cluster: one word of the spec is another."""

from __future__ import annotations

from pathlib import Path

from opsctl import wiring
from opsctl.model import load

FILE = Path(__file__).parents[2] / "examples" / "either.yaml"


def test_only_one_word_differs_between_hosts_and_a_cluster() -> None:
    engines = wiring.option_models()
    hosts = load([FILE], [], engines=engines).document
    cluster = load([FILE], ["services.sessions.on=cluster"], engines=engines).document
    assert hosts != cluster
    services = hosts["services"]
    moved = {"services": {**services, "sessions": {**services["sessions"], "on": "cluster"}}}
    assert {**hosts, **moved} == cluster
