"""Every question that a dashboard sends, for every choice that its readers have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from opsctl.monitoring.dashboards.compose import Dashboard
from opsctl.monitoring.dashboards.document import Panel
from opsctl.monitoring.dashboards.expressions import bind, one_line
from opsctl.monitoring.dashboards.variables import ALL, Variable, places
from opsctl.monitoring.filling import fill

Values = Callable[[str, str], Sequence[str]]
"""The values of a label among the series that a selector finds."""

# What Grafana fills in: a rate looks back over four scrapes, a page shows an hour.
BUILT_IN: Mapping[str, str] = {
    "__rate_interval": "1m",
    "__interval": "15s",
    "__range": "1h",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One query of one panel with every variable filled in. `choice`: what was chosen."""

    dashboard: str
    panel: Panel
    number: int  # of the query in its panel
    expr: str
    choice: Mapping[str, str]

    @property
    def excuse(self) -> str:
        """Why it may stay without an answer; "" where it may not."""
        if self.panel.empty:
            return self.panel.empty
        narrow = self.choice.get("member", ALL) != ALL
        return self.panel.partial if narrow else ""


@dataclass(frozen=True, slots=True)
class NoChoice:
    """A variable that has no values to choose from: the whole dashboard is empty."""

    dashboard: str
    variable: str
    among: str


def choices(variables: Sequence[Variable], values: Values) -> Iterator[Mapping[str, str]]:
    """Every way to choose; of what takes several, all at once and each alone. Raises Nothing."""
    yield from _choose(tuple(variables), {}, values)


class Nothing(LookupError):
    """A variable without values: its name and where they were looked for."""

    def __init__(self, variable: str, among: str) -> None:
        super().__init__(f"{variable}: {among}")
        self.variable = variable
        self.among = among


def _choose(
    rest: tuple[Variable, ...], chosen: Mapping[str, str], values: Values
) -> Iterator[Mapping[str, str]]:
    if not rest:
        yield chosen
        return
    first, *others = rest
    for value in _options(first, chosen, values):
        yield from _choose(tuple(others), {**chosen, first.name: value}, values)


def _options(variable: Variable, chosen: Mapping[str, str], values: Values) -> Sequence[str]:
    if not variable.among:
        return (variable.value,)
    among = bind(variable.among, chosen)
    found = tuple(values(variable.name, among))
    if not found:
        raise Nothing(variable.name, among)
    return (ALL, *found) if variable.several else found


def questions(dashboard: Dashboard, values: Values) -> Iterator[Question | NoChoice]:
    """Every different question once, in the order of the panels."""
    try:
        ways = list(choices(dashboard.variables, values))
    except Nothing as nothing:
        yield NoChoice(dashboard.title, nothing.variable, nothing.among)
        return
    known = places(dashboard.board.per)
    asked: set[str] = set()
    for panel in dashboard.board.panels():
        for number, query in enumerate(panel.queries):
            expr = one_line(fill(query.expr, known, panel.title))
            for way in ways:
                bound = bind(expr, {**BUILT_IN, **way})
                if bound not in asked:
                    asked.add(bound)
                    yield Question(dashboard.title, panel, number, bound, way)
