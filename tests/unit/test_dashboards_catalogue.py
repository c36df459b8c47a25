"""Dashboards beside the catalogues: no panel asks what no server is known to send."""

from __future__ import annotations

import json
import re

import pytest

from dashboards_world import environment, workloads
from opsctl import data
from opsctl.monitoring.dashboards.build import build
from opsctl.monitoring.dashboards.compose import compose
from opsctl.monitoring.dashboards.expressions import BUILT_IN, names
from opsctl.monitoring.dashboards.units import unit_of
from opsctl.wiring import boards, units

CATALOGUES = {"door": "haproxy", "hosts": "node", "metrics": "prometheus", "alerts": "alertmanager"}
ALL = {**CATALOGUES, "sessions": "redis", "time": "chrony"}


@pytest.mark.parametrize("name", sorted(boards()))
def test_every_query_names_only_metrics_and_records_of_a_catalogue(name: str) -> None:
    for panel in boards()[name].panels():
        for query in panel.queries:
            unknown = names(query.expr) - BUILT_IN - units().keys()
            assert not unknown, f"{panel.title}: {query.expr}"


@pytest.mark.parametrize("name", sorted(boards()))
def test_every_panel_has_a_unit_of_its_own_or_the_catalogues(name: str) -> None:
    for panel in boards()[name].panels():
        assert unit_of(panel, units()) or panel.kind in ("states", "table"), panel.title


def test_balancers_show_their_lanes_and_not_the_votes_on_who_is_primary() -> None:
    asked = [query.expr for panel in boards()["haproxy"].panels() for query in panel.queries]
    of_proxies = re.compile(r"haproxy_(?:frontend|backend|server)_\w+")
    for expr in asked:
        assert len(of_proxies.findall(expr)) == expr.count('proxy!~".*:.*"'), expr


def test_every_kind_of_server_that_has_a_catalogue_has_a_dashboard() -> None:
    of_services = {"slo", "members", "backup"}  # they stand on the services' own dashboards
    assert set(data.names("alerts")) - of_services <= set(boards())


def test_all_of_them_can_be_built() -> None:
    spec = environment(ALL)
    made = compose(spec, workloads(ALL), boards())
    assert len(made) == 1 + 6 + 6
    for one in made:
        assert json.loads(build(one, spec, units(), "prom").text)["panels"]
