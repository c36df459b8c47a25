"""promtool's own judgement: every alert fires and keeps quiet as its cases say, on every series."""

from __future__ import annotations

import pytest

from alert_world import watched
from opsctl.clients.promtool import Promtool
from opsctl.data import catalogue, catalogue_place, catalogues, trials
from opsctl.flow.alerting import judged
from opsctl.model import Environment
from opsctl.monitoring import Catalogue, rule_files
from opsctl.monitoring.catalogue import Alert
from opsctl.workload import Workload

pytestmark = pytest.mark.lab

SPEC = Environment(opsctl=1, name="prod")


def services() -> dict[str, Workload]:
    """One of every catalogue of a kind of server, with the facts of its cases."""
    names = [name for name in catalogues() if name not in ("slo", "members", "backup")]
    return {name: watched(name, name, **trials(name).facts) for name in names}


@pytest.mark.parametrize("name", catalogues())
def test_every_alert_fires_and_keeps_quiet_as_its_cases_say(name: str) -> None:
    done = judged(SPEC, {}, catalogue, trials, [name], catalogue_place, Promtool())
    assert [f"{one.where}: {one.message}" for one in done.failed] == []
    assert done.alerts == len(catalogue(name).alerts)
    assert done.cases > done.alerts


def test_prometheus_takes_every_file() -> None:
    files = rule_files(SPEC, services(), catalogue)
    assert set(files) == {f"prod-{name}.yaml" for name in services()}
    assert Promtool().check(files) == {}


def _with(found: Catalogue, expr: str) -> Catalogue:
    alert = found.alerts[1].model_copy(update={"expr": expr})
    return found.model_copy(update={"alerts": (found.alerts[0], alert, *found.alerts[2:])})


def test_a_rule_that_prometheus_refuses_is_told_with_our_own_line() -> None:
    broken = _with(catalogue("chrony"), "sum(clocks")
    done = judged(
        SPEC, {"time": services()["chrony"]}, lambda _: broken, trials, ["chrony"],
        catalogue_place, Promtool(),
    )  # fmt: skip
    (refused,) = done.wrong
    alert: Alert = catalogue("chrony").alerts[1]
    place = catalogue_place("chrony", ("alerts", 1))
    assert place is not None
    assert str(refused.where) == str(place)
    assert alert.alert in refused.message or "parse error" in refused.message


def test_a_case_that_does_not_come_out_is_told_with_our_own_line() -> None:
    never = _with(catalogue("chrony"), "clocks:apart:seconds > 1e9")
    done = judged(SPEC, {}, lambda _: never, trials, ["chrony"], catalogue_place, Promtool())
    (failed,) = done.failed
    assert str(failed.where) == str(catalogue_place("chrony", ("alerts", 1)))
