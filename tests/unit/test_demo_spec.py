"""The demo's spec says what the demo's program relies on."""

from __future__ import annotations

from pathlib import Path

from opsctl.engines.redis.options import RedisService
from opsctl.model import HostsTarget, load
from opsctl.model.targets import LabHosts
from opsctl.wiring import option_models

SPEC = Path(__file__).parents[2] / "examples" / "demo" / "opsctl.yaml"


def test_the_demo_has_a_service_that_fails_over() -> None:
    service = load([SPEC], (), engines=option_models()).services["sessions"]
    assert isinstance(service, RedisService)
    assert (service.mode, service.replicas, service.failover) == ("sentinel", 3, "fast")


def test_the_demo_has_one_address_in_its_lab_and_may_be_broken() -> None:
    spec = load([SPEC], (), engines=option_models())
    assert [str(route.vip.address) for route in spec.routes.values() if route.vip] == [
        "10.77.0.100"
    ]
    assert (spec.name, spec.drills) == ("demo", "allowed")


def test_the_demo_uses_the_lab_that_its_commands_make() -> None:
    target = load([SPEC], (), engines=option_models()).targets["dc"]
    assert isinstance(target, HostsTarget)
    assert isinstance(target.hosts, LabHosts)
    assert target.hosts.name == "lab"


def test_the_demo_keeps_its_secrets_beside_its_own_copy_of_the_spec() -> None:
    said = load([SPEC], (), engines=option_models()).secrets
    assert not any(
        Path(path).is_absolute() or "~" in path
        for path in (said.path or "", said.password_file or "")
    )
