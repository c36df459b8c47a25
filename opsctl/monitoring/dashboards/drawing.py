"""Dashboards with their data, for a page that shows them without Grafana."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from opsctl.monitoring.dashboards.asking import BUILT_IN, choices
from opsctl.monitoring.dashboards.compose import Dashboard
from opsctl.monitoring.dashboards.document import Panel, Query
from opsctl.monitoring.dashboards.expressions import bind, one_line
from opsctl.monitoring.dashboards.grid import place
from opsctl.monitoring.dashboards.units import unit_of
from opsctl.monitoring.dashboards.variables import ALL, places
from opsctl.monitoring.filling import fill
from opsctl.ports.metrics import Metrics, Series

POINTS = 240  # of a line: about one per three pixels of a panel
FINEST = 5.0  # seconds between two of them; nothing is scraped more often
_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_MOST = 40  # lines of a panel: nobody can tell more apart


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is shown: seconds since the epoch, and seconds between two points."""

    start: float
    end: float

    @property
    def step(self) -> float:
        return max(FINEST, round((self.end - self.start) / POINTS))

    @property
    def count(self) -> int:
        return int((self.end - self.start) / self.step) + 1


def drawn(
    made: Sequence[Dashboard], metrics: Metrics, units: Mapping[str, str], window: Window
) -> Iterator[Mapping[str, object]]:
    """Every dashboard for all members, once for each service or host that it is chosen for."""
    for dashboard in made:
        several = {one.name for one in dashboard.variables if one.several}
        for way in choices(dashboard.variables, metrics.values):
            if all(way[name] == ALL for name in several):
                yield _dashboard(dashboard, way, _Pen(metrics, units, window))


def chosen_words(dashboard: Dashboard, way: Mapping[str, str]) -> str:
    """What was chosen among several; "" where there was no choice."""
    asked = [one.name for one in dashboard.variables if one.among and not one.several]
    return ", ".join(way[name] for name in asked)


def _dashboard(dashboard: Dashboard, way: Mapping[str, str], pen: _Pen) -> Mapping[str, object]:
    words = chosen_words(dashboard, way)
    top = 0
    rows = []
    for row in dashboard.board.rows:
        placed, top = place(row.panels, top)
        panels = [
            {**pen.panel(panel, dashboard.board.per, way), "width": spot.w}
            for panel, spot in placed
        ]
        rows.append({"title": row.title, "panels": panels})
    return {
        "title": f"{dashboard.title} · {words}" if words else dashboard.title,
        "anchor": "-".join(part for part in (dashboard.file, words) if part),
        "about": dashboard.board.about,
        "rows": rows,
    }


@dataclass(frozen=True, slots=True)
class _Pen:
    metrics: Metrics
    units: Mapping[str, str]
    window: Window

    def panel(self, panel: Panel, per: str, way: Mapping[str, str]) -> dict[str, object]:
        """What the page needs to draw it: numbers, never expressions to be trusted."""
        known = places(per)
        look_back = f"{max(60, int(4 * self.window.step))}s"
        bound = {**BUILT_IN, "__rate_interval": look_back, **way}
        exprs = [bind(one_line(fill(q.expr, known, panel.title)), bound) for q in panel.queries]
        data = self._table(panel, exprs) if panel.kind == "table" else self._lines(panel, exprs)
        return {
            "title": panel.title,
            "asks": panel.asks,
            "kind": panel.kind,
            "unit": unit_of(panel, self.units),
            "base": panel.base,
            "thresholds": [{"at": one.at, "verdict": one.verdict} for one in panel.thresholds],
            "states": {
                str(value): {"text": one.text, "verdict": one.verdict}
                for value, one in panel.states.items()
            },
            "least": panel.least,
            "most": panel.most,
            "decimals": panel.decimals,
            "stack": panel.stack,
            "empty": panel.empty,
            "start": self.window.start,
            "step": self.window.step,
            "count": self.window.count,
            "key": panel.key.capitalize(),
            "series": [],
            "columns": [],
            "rows": [],
            **data,
        }

    def _lines(self, panel: Panel, exprs: Sequence[str]) -> Mapping[str, object]:
        found = [
            {"name": _name(query, series), "values": self._values(series)}
            for query, expr in zip(panel.queries, exprs, strict=True)
            for series in self.metrics.over(
                expr, self.window.start, self.window.end, self.window.step
            )
        ]
        return {"series": sorted(found, key=lambda one: str(one["name"]))[:_MOST]}

    def _values(self, series: Series) -> list[float | None]:
        """One for every step of the window; None where there is none."""
        values: list[float | None] = [None] * self.window.count
        for at, value in series.points:
            number = round((at - self.window.start) / self.window.step)
            if 0 <= number < len(values) and isfinite(value):
                values[number] = float(f"{value:.6g}")
        return values

    def _table(self, panel: Panel, exprs: Sequence[str]) -> Mapping[str, object]:
        columns = [
            {one.labels.get(panel.key, ""): one.last for one in self.metrics.now(expr)}
            for expr in exprs
        ]
        keys = sorted({key for column in columns for key in column})
        return {
            "columns": [{"name": query.column, "unit": query.unit} for query in panel.queries],
            "rows": [
                {"key": key, "values": [column.get(key) for column in columns]} for key in keys
            ],
        }


def _name(query: Query, series: Series) -> str:
    """The legend filled in; without one what tells the series from others."""
    if query.legend:
        return _LABEL.sub(lambda match: series.labels.get(match.group(1), ""), query.legend).strip()
    return ", ".join(f"{name} {value}" for name, value in sorted(series.labels.items())) or "all"
