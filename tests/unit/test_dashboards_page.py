"""The page that shows dashboards without Grafana: all is in it, drawn from what was measured."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from dashboards_world import ByName, dashboards
from opsctl.monitoring.dashboards.drawing import POINTS, Window, drawn
from opsctl.monitoring.dashboards.page import Assets, page
from opsctl.ports.metrics import Series

WINDOW = Window(1000.0, 4600.0)
ASSETS = Assets("library()", ".u{}", "MIT, somebody */", "script()", ".page{}")


class Recorded:
    """A Prometheus with one member, all of whose lines rise from 0 to 1."""

    def now(self, expr: str) -> tuple[Series, ...]:
        labels = {"member": "s-0", "service": "sessions", "host": "n1"}
        return (Series(labels, ((WINDOW.end, 3.0),)),)

    def over(self, expr: str, start: float, end: float, step: float) -> tuple[Series, ...]:
        count = round((end - start) / step)
        points = tuple((start + n * step, n / count) for n in range(count + 1))
        return (Series({"member": "</script>", "job": "redis"}, points),)

    def values(self, label: str, among: str) -> tuple[str, ...]:
        return {"member": ("s-0",), "host": ("n1", "n2"), "service": ("sessions",)}[label]


@pytest.fixture
def shown() -> list[Mapping[str, Any]]:
    return list(drawn(dashboards(), Recorded(), ByName(), WINDOW))


def panel(shown: list[Mapping[str, Any]], dashboard: str, title: str) -> Mapping[str, Any]:
    (found,) = [one for one in shown if one["anchor"] == dashboard]
    return next(one for row in found["rows"] for one in row["panels"] if one["title"] == title)


def test_a_dashboard_of_hosts_is_shown_once_for_each(shown: list[Mapping[str, Any]]) -> None:
    assert [one["anchor"] for one in shown if "node" in one["anchor"]] == [
        "servers-node-n1",
        "servers-node-n2",
    ]
    assert shown[0]["anchor"] == "environment"


def test_a_line_has_one_value_for_every_step(shown: list[Mapping[str, Any]]) -> None:
    made = panel(shown, "servers-redis-sessions", "Commands per member")
    (line,) = made["series"]
    assert line["name"] == "</script>"
    assert len(line["values"]) == made["count"] == POINTS + 1
    assert (line["values"][0], line["values"][-1]) == (0.0, 1.0)
    assert made["unit"] == "ops/s"


def test_a_table_joins_its_queries_on_one_label(shown: list[Mapping[str, Any]]) -> None:
    made = panel(shown, "servers-redis-sessions", "Replication")
    assert made["rows"] == [{"key": "s-0", "values": [3.0, 3.0, 3.0]}]
    assert [column["name"] for column in made["columns"]][-1] == "Up for"


def test_points_that_are_no_numbers_are_gaps() -> None:
    class Broken(Recorded):
        def over(self, expr: str, start: float, end: float, step: float) -> tuple[Series, ...]:
            return (Series({}, ((start, float("nan")), (start + step, 2.0), (end + 99, 1.0))),)

    made = panel(list(drawn(dashboards(), Broken(), ByName(), WINDOW)), "environment", "Hosts")
    assert made["series"][0]["values"][:3] == [None, 2.0, None]


def test_the_page_asks_no_network_and_nothing_measured_can_end_its_data(
    shown: list[Mapping[str, Any]],
) -> None:
    text = page("shop <&>", shown, [(2000.0, "apply by ops: done")], WINDOW, ASSETS)
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    data = json.loads(found.group(1))
    assert data["changes"] == [{"at": 2000.0, "text": "apply by ops: done"}]
    assert len(data["dashboards"]) == len(shown)
    assert "<title>shop &lt;&amp;&gt;: dashboards</title>" in text
    assert not re.search(r'(src|href)="', text)
    assert "http" not in re.sub(r"(?s)<script.*?</script>", "", text)
    assert "MIT, somebody" in text


def test_the_library_that_draws_comes_with_its_license() -> None:
    from opsctl.data import folder

    preview = folder("dashboards") / "preview"
    assert "MIT License" in (preview / "uPlot.LICENSE").read_text()
    assert "uPlot" in (preview / "uPlot.iife.min.js").read_text()
