"""`dashboards/NAME.yaml`: rows of panels as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Verdict = Literal["ok", "warn", "bad", "plain"]
Kind = Literal["stat", "lines", "states", "table"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class State(_Frozen):
    """How one value is read: 0 as "down", in red."""

    text: str
    verdict: Verdict = Field("plain", alias="is")


class Threshold(_Frozen):
    """From this value upwards."""

    at: float
    verdict: Verdict = Field(alias="is")


class Query(_Frozen):
    """One question to Prometheus.

    `expr` may hold {{ selector }}, the labels that all of the dashboard's variables choose,
    {{ in_service }} without the member, {{ in_environment }} alone. The first two mean servers of
    the dashboard's own kind; {{ any_job }} is {{ selector }} of all kinds.
    `column`: of a table, what its values are called; queries of a table are joined on their label.
    """

    expr: str
    legend: str = Field("", description='Such as "{{member}}", filled in with labels.')
    column: str = ""
    unit: str = Field("", description="Of a table's column; else the panel says it.")


class Panel(_Frozen):
    """One picture that answers one question.

    `empty`: why nobody need send anything (an error that never happened). `partial`: why some
    members never do (a primary follows nobody). Without them `dashboards check` fails an empty one.
    """

    title: str
    asks: str = Field(description="The question that it answers.")
    kind: Kind = "lines"
    queries: tuple[Query, ...] = Field(min_length=1)
    unit: str = Field("", description="Left out: the catalogue's, where only one unit is asked.")
    base: Verdict = Field("plain", description="Below the first threshold.")
    thresholds: tuple[Threshold, ...] = ()
    states: Mapping[int, State] = Field(default_factory=dict)
    least: float | None = Field(None, alias="min")
    most: float | None = Field(None, alias="max")
    decimals: int | None = None
    stack: bool = False
    key: str = Field("member", description="Of a table: the label that rows are joined on.")
    width: int | None = Field(None, ge=3, le=24, description="Of 24; left out: as many as fit.")
    height: int | None = Field(None, ge=2, le=30)
    essential: bool = Field(False, description="Also on the service's own dashboard and in status.")
    empty: str = ""
    partial: str = ""

    def state(self, value: float) -> State | None:
        """What the number means, where it stands for something."""
        return self.states.get(int(value)) if value == int(value) else None

    @model_validator(mode="after")
    def _tables_name_columns(self) -> Self:
        if self.kind == "table" and not all(query.column for query in self.queries):
            raise ValueError("every query of a table names its column")
        return self


class Row(_Frozen):
    """Panels under one heading. `needs`: left out of a dashboard of a service without it.

    Of a service with routes (its balancers are watched), {{ routes }} selects what balancers say of
    them; with a probe, {{ tries }} what that says. With backups that are told of, {{ backups }}
    selects what jobs say of them.
    """

    title: str
    panels: tuple[Panel, ...] = ()
    needs: Literal["", "slo", "route", "probe", "backup"] = ""
    collapsed: bool = False
    essentials: bool = Field(False, description="The engine's essential panels stand here.")


class Board(_Frozen):
    """A dashboard. `job`: which kind of server it is about, as Scrapes say; left out: its name."""

    title: str
    about: str
    per: Literal["member", "host", "environment"] = "member"
    job: str = ""
    rows: tuple[Row, ...] = Field(min_length=1)

    def panels(self) -> tuple[Panel, ...]:
        """Those of all rows."""
        return tuple(panel for row in self.rows for panel in row.panels)


def parse(document: Mapping[str, Any]) -> Board:
    """The dashboard that a file's content says. Raises pydantic's ValidationError."""
    return Board.model_validate(document)
