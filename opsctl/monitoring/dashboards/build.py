"""Dashboards as Grafana reads them: JSON, the same text for the same dashboard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as sdk
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from opsctl.model import Environment
from opsctl.monitoring.dashboards.compose import Dashboard
from opsctl.monitoring.dashboards.document import Panel
from opsctl.monitoring.dashboards.expressions import bind, one_line
from opsctl.monitoring.dashboards.grid import Spot, place
from opsctl.monitoring.dashboards.naming import TAG, environment_tag
from opsctl.monitoring.dashboards.panels import panel
from opsctl.monitoring.dashboards.units import unit_of
from opsctl.monitoring.dashboards.variables import ALL, Variable, places
from opsctl.monitoring.filling import fill

REFRESH = "30s"
PERIOD = "now-1h"


@dataclass(frozen=True, slots=True)
class Built:
    """A dashboard's JSON, without the version that Grafana counts. It holds no secret: data sources
    are named by their uid."""

    uid: str
    title: str
    text: str
    tags: tuple[str, ...]

    @property
    def digest(self) -> str:
        """12 hex digits that change with the content."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @property
    def file(self) -> str:
        """The text for people and version control: one value a line."""
        return json.dumps(json.loads(self.text), indent=2, ensure_ascii=False) + "\n"


def build(
    made: Dashboard, environment: Environment, units: Mapping[str, str], source: str
) -> Built:
    """The JSON of one dashboard, whose queries go to the data source with uid `source`."""
    tags = (TAG, environment_tag(environment.id), made.kind)
    out = (
        sdk.Dashboard(made.title)
        .uid(made.uid)
        .description(made.board.about)
        .tags(list(tags))
        .time(PERIOD, "now")
        .refresh(REFRESH)
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_siblings(environment))
        .annotation(_changes(environment))
        .annotation(_alerts(made, source))
    )
    for variable in made.variables:
        if variable.among:
            out.with_variable(_variable(variable, _settled(made), source))
    for add in _parts(made, units, source):
        add(out)
    text = json.dumps(out.build(), cls=JSONEncoder, sort_keys=True, ensure_ascii=False)
    return Built(made.uid, made.title, text, tags)


def _parts(
    made: Dashboard, units: Mapping[str, str], source: str
) -> Iterator[Callable[[sdk.Dashboard], object]]:
    """Rows and panels from top to bottom, each with a number and its place."""
    known, settled = places(made.board.per), _settled(made)
    number, top = 0, 0
    for row in made.board.rows:
        number += 1
        head = sdk.Row(row.title).id(number).grid_pos(GridPos(1, 24, 0, top))
        placed, below = place(row.panels, top + 1)
        builders = []
        for asked, spot in placed:
            number += 1
            builders.append(_panel(number, asked, known, settled, units, spot, source))
        if row.collapsed:
            yield _adder(_folded(head, builders), ())
            below = top + 1
        else:
            yield _adder(head.collapsed(False), builders)
        top = below


def _adder(head: sdk.Row, builders: Sequence[object]) -> Callable[[sdk.Dashboard], object]:
    def add(out: sdk.Dashboard) -> object:
        out.with_row(head)
        for one in builders:
            out.with_panel(one)  # type: ignore[arg-type]
        return out

    return add


def _folded(head: sdk.Row, builders: Sequence[object]) -> sdk.Row:
    for one in builders:
        head.with_panel(one)  # type: ignore[arg-type]
    return head


def _panel(
    number: int,
    asked: Panel,
    known: Mapping[str, str],
    settled: Mapping[str, str],
    units: Mapping[str, str],
    spot: Spot,
    source: str,
) -> object:
    texts = (one_line(fill(query.expr, known, asked.title)) for query in asked.queries)
    exprs = tuple(bind(text, settled) for text in texts)
    return panel(number, asked, exprs, unit_of(asked, units), spot, source)


def _siblings(environment: Environment) -> sdk.DashboardLink:
    """A menu of the environment's other dashboards; time and choices go along."""
    return (
        sdk.DashboardLink(environment.name)
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG, environment_tag(environment.id)])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
        .icon("dashboard")
        .tooltip("The other dashboards of this environment")
    )


def _changes(environment: Environment) -> sdk.AnnotationQuery:
    """What opsctl did, as `dashboards push` writes it from the journal."""
    tags = [TAG, environment_tag(environment.id)]
    target = sdk.AnnotationTarget().type("tags").tags(tags).limit(100).match_any(False)
    return (
        sdk.AnnotationQuery()
        .name("Changes")
        .datasource(DataSourceRef("grafana", "-- Grafana --"))
        .enable(True)
        .icon_color("blue")
        .target(target)
    )


def _alerts(made: Dashboard, source: str) -> sdk.AnnotationQuery:
    """When an alert that calls somebody fired."""
    service = ',service=~"$service"' if any(v.name == "service" for v in made.variables) else ""
    expr = f'ALERTS{{environment="$environment"{service},alertstate="firing",severity="page"}}'
    return (
        sdk.AnnotationQuery()
        .name("Pages")
        .datasource(DataSourceRef("prometheus", source))
        .enable(True)
        .icon_color("red")
        .expr(bind(expr, _settled(made)))
    )


def _settled(made: Dashboard) -> Mapping[str, str]:
    """What nobody chooses stands in the queries themselves: a constant of Grafana's before 11.3 is
    whatever the link says that one came by, and the menu takes another service's name along."""
    return {one.name: one.value for one in made.variables if not one.among}


def _variable(variable: Variable, settled: Mapping[str, str], source: str) -> sdk.QueryVariable:
    query = f"label_values({bind(variable.among, settled)},{variable.name})"
    made = (
        sdk.QueryVariable(variable.name)
        .label(variable.name.capitalize())
        .datasource(DataSourceRef("prometheus", source))
        .query({"qryType": 1, "query": query, "refId": "choices"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(variable.several)
        .include_all(variable.several)
    )
    if variable.several:
        made.all_value(ALL).current(VariableOption(True, "All", "$__all"))
    return made
