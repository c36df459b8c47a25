"""What goes with a service that is taken down: routes to it, and balancers that only they need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from opsctl.discovery import engines
from opsctl.flow import destroying
from opsctl.flow.parts import Parts
from opsctl.model import load_data
from opsctl.planning.plan import Plan
from routes_world import EDGE, HOSTS, SESSIONS, environment

CACHE = {**SESSIONS, "port": 6400}
BOTH = {
    "sessions": {"to": "sessions", "vip": "10.77.0.100"},
    "cache": {"to": "cache", "vip": "10.77.0.101"},
}


class Written:
    """Parts that remember the document they are asked to go on with."""

    def __init__(self, services: Mapping[str, Any]) -> None:
        self.environment = environment(BOTH, services)
        self.document: dict[str, Any] = {}

    def service(self, name: str) -> Any:
        return self.environment.services[name]

    def with_document(self, document: dict[str, Any]) -> Written:
        self.document = document
        return self


@pytest.fixture(autouse=True)
def _no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destroying, "make_plan", lambda *_: (Plan("shop", {}, ()), None))


def destroyed(services: Mapping[str, Any], *names: str) -> dict[str, Any]:
    parts = Written(services)
    destroying.destroy_plan(cast(Parts, parts), names, frozenset())
    return parts.document


def absent(document: Mapping[str, Any]) -> set[str]:
    return {name for name, one in document["services"].items() if one.get("state") == "absent"}


def test_all_of_an_environment_includes_balancers_that_nobody_wrote_down() -> None:
    document = destroyed({"sessions": SESSIONS, "cache": CACHE})
    assert absent(document) == {"sessions", "cache", "balancer-dc"}
    assert document["routes"] == {}


def test_balancers_stay_while_a_route_needs_them() -> None:
    document = destroyed({"sessions": SESSIONS, "cache": CACHE}, "sessions")
    assert absent(document) == {"sessions"}
    assert set(document["routes"]) == {"cache"}
    written = destroyed({"sessions": SESSIONS, "cache": CACHE, "edge": EDGE}, "sessions", "cache")
    assert absent(written) == {"sessions", "cache"}


def test_balancers_that_go_take_their_routes_along() -> None:
    document = destroyed({"sessions": SESSIONS, "cache": CACHE}, "balancer-dc")
    assert absent(document) == {"balancer-dc"}
    assert document["routes"] == {}


def test_balancers_that_nobody_wrote_down_can_be_scaled() -> None:
    parts = Written({"sessions": SESSIONS, "cache": CACHE})
    destroying.scale_plan(cast(Parts, parts), "balancer-dc", 3)
    assert parts.document["services"]["balancer-dc"]["replicas"] == 3


def test_a_spec_that_writes_no_service_down_can_be_taken_down_and_scaled() -> None:
    """Monitoring adds services of its own."""
    document = {
        "opsctl": 1, "name": "shop", "targets": {"dc": HOSTS}, "monitoring": {"on": "dc"},
    }  # fmt: skip
    parts = Written({"sessions": SESSIONS, "cache": CACHE})
    parts.environment = load_data(
        document, engines={name: engine.options for name, engine in engines().items()}
    )
    destroying.destroy_plan(cast(Parts, parts), (), frozenset())
    assert absent(parts.document) == set(parts.environment.services)
    assert "metrics-dc" in absent(parts.document)
    destroying.scale_plan(cast(Parts, parts), "metrics-dc", 2)
    assert parts.document["services"]["metrics-dc"]["replicas"] == 2
