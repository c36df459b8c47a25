"""Dashboards: data that is sound, a layout that fits, JSON that Grafana can read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards_world import SERVICES, built, dashboards, environment, workloads
from opsctl.errors import OpsError
from opsctl.flow.dashboards import check
from opsctl.monitoring.dashboards.asking import NoChoice, Question, questions
from opsctl.monitoring.dashboards.compose import compose
from opsctl.monitoring.dashboards.document import Panel, parse
from opsctl.monitoring.dashboards.expressions import bind, names
from opsctl.monitoring.dashboards.grid import COLUMNS, Spot, place
from opsctl.monitoring.dashboards.naming import LONGEST, uid
from opsctl.monitoring.dashboards.units import GRAFANA, said, unit_of
from opsctl.ports.metrics import Series
from opsctl.wiring import boards

Json = Mapping[str, Any]


def panels(text: str) -> Sequence[Json]:
    """Every panel, those of folded rows too."""
    found = json.loads(text)["panels"]
    return [one for panel in found for one in (panel, *panel.get("panels", ()))]


def panel(title: str = "a", kind: str = "lines", **more: Any) -> Panel:
    query = {"expr": "up", "column": "c"}
    return Panel.model_validate(
        {"title": title, "asks": "Is it?", "kind": kind, "queries": [query], **more}
    )


@pytest.mark.parametrize("name", sorted(boards()))
def test_every_panel_asks_a_question_and_no_two_of_a_dashboard_have_one_title(name: str) -> None:
    titles = [panel.title for row in boards()[name].rows for panel in row.panels]
    for one in boards()[name].panels():
        assert one.asks.endswith((".", "?")), one.title
        assert not one.empty.endswith("."), one.title
        assert not one.unit or one.unit in GRAFANA, one.title
    by_row = [[panel.title for panel in row.panels] for row in boards()[name].rows]
    assert all(len(row) == len(set(row)) for row in by_row)
    assert titles or name == "service"


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ('rate(a_total{job="x",b=~"c|d"}[$__rate_interval])', {"a_total"}),
        ("sum by (member, job) (a) / on (service) group_right () max by (x) (b)", {"a", "b"}),
        ("redis:commands:rate1m{{{ selector }}} or vector(0)", {"redis:commands:rate1m"}),
        ('topk(5, max by (a) (b{{{ selector }},c="d e"})) > bool 0.5e3', {"b"}),
        ("1 - avg_over_time(slo:bad:ratio5m[30d:1h] offset 5m)", {"slo:bad:ratio5m"}),
    ],
)
def test_the_metrics_of_an_expression_are_found(expr: str, found: set[str]) -> None:
    assert names(expr) == found


def test_variables_are_filled_in_and_others_left() -> None:
    assert bind('a{b="$member",c="${host}"} $x', {"member": "m", "host": "h"}) == (
        'a{b="m",c="h"} $x'
    )


@given(st.lists(st.sampled_from(["stat", "lines", "states", "table"]), max_size=20))
def test_panels_fill_lines_and_never_overlap(kinds: list[str]) -> None:
    placed, below = place([panel(str(n), kind) for n, kind in enumerate(kinds)], 3)
    spots = [spot for _, spot in placed]
    assert len(spots) == len(kinds)
    for spot in spots:
        assert spot.x >= 0
        assert spot.x + spot.w <= COLUMNS
        assert 3 <= spot.y < spot.y + spot.h <= below
    for one, other in combinations(spots, 2):
        assert not _overlap(one, other)
    for y in {spot.y for spot in spots}:
        assert sum(spot.w for spot in spots if spot.y == y) == COLUMNS


def _overlap(one: Spot, other: Spot) -> bool:
    return (
        one.x < other.x + other.w
        and other.x < one.x + one.w
        and one.y < other.y + other.h
        and other.y < one.y + one.h
    )


def test_panels_may_say_their_width() -> None:
    wide = [panel(str(width), width=width) for width in (4, 4, 16, 24)]
    placed, _ = place(wide, 0)
    assert [(spot.x, spot.y) for _, spot in placed] == [(0, 0), (4, 0), (8, 0), (0, 8)]


@given(
    st.from_regex(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", fullmatch=True), st.text("abc-", max_size=40)
)
def test_a_uid_is_short_enough_and_always_the_same(environment: str, name: str) -> None:
    made = uid(environment, "service", name)
    assert len(made) <= LONGEST
    assert made == uid(environment, "service", name)


def test_names_that_read_alike_have_uids_of_their_own() -> None:
    assert uid("a-b", "service", "c") != uid("a", "service", "b-c")
    long = "x" * 39
    assert uid(long, "service", "a") != uid(long, "service", "b")


@pytest.mark.parametrize(
    ("expr", "unit"),
    [
        ("max(a_bytes{{{ selector }}})", "bytes"),
        ("sum by (member) (rate(a_bytes{{{ selector }}}[5m]))", "bytes/s"),
        ("sum(rate(a_seconds_total[5m]))", "ratio"),
        ("sum(rate(a_total[5m]))", "1/s"),
    ],
)
def test_a_panel_has_the_unit_of_what_it_asks(expr: str, unit: str) -> None:
    units = {"a_bytes": "bytes", "a_seconds_total": "seconds", "a_total": "1"}
    assert unit_of(panel(queries=[{"expr": expr}]), units) == unit


@pytest.mark.parametrize("expr", ["a_bytes / b_bytes", "a_bytes + a_total", "nobody_knows"])
def test_a_panel_whose_unit_can_not_be_told_must_say_it(expr: str) -> None:
    units = {"a_bytes": "bytes", "b_bytes": "bytes", "a_total": "1"}
    assert unit_of(panel(queries=[{"expr": expr}]), units) == ""
    assert unit_of(panel(queries=[{"expr": expr}], unit="ratio"), units) == "ratio"


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.1234, "ratio", "12.3 %"),
        (1536, "bytes", "1.5 KiB"),
        (0.00042, "seconds", "420 µs"),
        (90, "seconds", "1.5 min"),
        (12345, "ops/s", "12.3 k ops/s"),
        (3, "1", "3"),
        (0, "bytes", "0 B"),
    ],
)
def test_numbers_are_said_as_people_say_them(value: float, unit: str, words: str) -> None:
    assert said(value, unit) == words


def test_an_environment_has_an_overview_one_per_service_and_one_per_kind_of_server() -> None:
    assert [(one.kind, one.subject) for one in dashboards()] == [
        ("environment", ""),
        ("service", "door"),
        ("service", "hosts"),
        ("service", "metrics"),
        ("service", "sessions"),
        ("servers", "haproxy"),
        ("servers", "node"),
        ("servers", "prometheus"),
        ("servers", "redis"),
    ]


def test_a_kind_of_server_without_a_dashboard_still_has_its_services() -> None:
    made = dashboards({"queue": "unheard-of"})
    assert [(one.kind, one.subject) for one in made] == [("environment", ""), ("service", "queue")]


def test_what_was_promised_is_shown_where_it_was_promised() -> None:
    spec = environment({"sessions": "redis"})
    before = compose(spec, workloads({"sessions": "redis"}), boards())
    assert "What was promised" not in [row.title for row in before[1].board.rows]


def test_every_dashboard_can_be_read_by_grafana() -> None:
    for one in built():
        model = json.loads(one.text)
        assert model["uid"] == one.uid
        assert {"opsctl", "environment:shop"} <= set(model["tags"])
        assert "id" not in model
        assert "version" not in model
        numbers = [panel["id"] for panel in panels(one.text)]
        assert len(numbers) == len(set(numbers))
        (link,) = model["links"]
        assert link["type"] == "dashboards"
        assert link["keepTime"]
        assert [query["name"] for query in model["annotations"]["list"]] == ["Changes", "Pages"]


def test_every_panel_says_what_it_answers_and_asks_the_one_data_source() -> None:
    for one in built():
        for panel in panels(one.text):
            if panel["type"] == "row":
                continue
            assert panel["description"], panel["title"]
            assert panel["datasource"] == {"type": "prometheus", "uid": "prom-uid"}
            for target in panel["targets"]:
                assert target["datasource"]["uid"] == "prom-uid"
                assert "{{ " not in target["expr"]
                assert 'environment="shop"' in target["expr"]


def test_servers_of_another_kind_beside_a_member_are_not_counted() -> None:
    redis = next(one for one in built() if one.uid.endswith("all_redis"))
    (up,) = [one for one in panels(redis.text) if one["title"] == "Members that answer"]
    assert 'job="redis"' in up["targets"][0]["expr"]


def test_the_same_environment_gives_the_same_text_and_another_one_other_uids() -> None:
    assert built() == built()
    ours, theirs = built(), built(name="other")
    assert not {one.uid for one in ours} & {one.uid for one in theirs}


def test_a_table_without_names_of_its_columns_is_refused() -> None:
    document = {
        "title": "t",
        "about": "a",
        "rows": [
            {
                "title": "r",
                "panels": [
                    {"title": "p", "asks": "?", "kind": "table", "queries": [{"expr": "up"}]}
                ],
            }
        ],
    }
    with pytest.raises(ValueError, match="every query of a table names its column"):
        parse(document)


class Recorded:
    """A Prometheus that knows these members, and answers everything but what is told."""

    def __init__(self, members: Sequence[str], answers: Mapping[str, Any] | None = None) -> None:
        self.members, self.answers = members, answers or {}

    def now(self, expr: str) -> tuple[Series, ...]:
        for part, answer in self.answers.items():
            if part in expr:
                if isinstance(answer, OpsError):
                    raise answer
                return tuple(Series({}, ((0.0, value),)) for value in answer)
        return (Series({}, ((0.0, 1.0),)),)

    def over(self, expr: str, start: float, end: float, step: float) -> tuple[Series, ...]:
        raise NotImplementedError

    def values(self, label: str, among: str) -> tuple[str, ...]:
        return {"member": tuple(self.members), "host": ("n1",), "service": ("sessions",)}[label]


def test_every_choice_of_every_variable_is_asked_and_no_question_twice() -> None:
    redis = dashboards()[-1]
    asked = list(questions(redis, Recorded(["s-0", "s-1"]).values))
    exprs = [one.expr for one in asked if isinstance(one, Question)]
    assert len(exprs) == len(set(exprs)) == len(asked)
    assert not any("$" in expr for expr in exprs)
    for value in (".*", "s-0", "s-1"):
        assert any(f'member=~"{value}"' in expr and "redis_up" in expr for expr in exprs)


def test_a_dashboard_with_nothing_to_choose_is_told_as_one() -> None:
    (only,) = questions(dashboards()[-1], Recorded([]).values)
    assert isinstance(only, NoChoice)
    assert only.variable == "member"


def test_a_check_finds_empty_and_refused_panels_and_lets_reasons_count() -> None:
    made = dashboards({"sessions": "redis"})
    refused = OpsError("metrics/refused", "parse error")
    answers = {
        "redis_config_nothing": [],
        "redis_db_keys": [],
        "redis_memory_used_rss_bytes": refused,
        "redis_connected_slave_lag_seconds": [],  # no replicas: it has a reason
        "redis_keyspace_misses_total": [float("nan")],  # nothing was read: it has one
    }
    done = check(made, Recorded(["s-0"], answers))
    assert {(one.panel, one.why, one.words) for one in done.blank} == {
        ("Keys", "empty", ""),
        ("Memory", "refused", "parse error"),
    }
    assert done.excused > 0
    assert done.panels == sum(len(one.board.panels()) for one in made)


def test_a_check_of_a_prometheus_that_goes_away_ends() -> None:
    away = Recorded(["s-0"], {"redis_up": OpsError("metrics/away", "no answer")})
    with pytest.raises(OpsError, match="no answer"):
        check(dashboards(), away)


def test_services_are_kept_apart_by_their_names() -> None:
    many = {f"sessions-{number}": "redis" for number in range(3)}
    made = built({**SERVICES, **many})
    assert len({one.uid for one in made}) == len(made) == 9 + 3


def test_a_link_from_another_dashboard_changes_nothing_that_nobody_chooses() -> None:
    """Grafana before 11.3 takes constants from the link, and the menu takes choices along."""
    for made, one in zip(dashboards(), built(), strict=True):
        chosen = {variable.name for variable in made.variables if variable.among}
        found = json.loads(one.text)
        assert {each["name"] for each in found["templating"].get("list", ())} == chosen
        assert set(re.findall(r"\$(environment|service|member|host)\b", one.text)) <= chosen
