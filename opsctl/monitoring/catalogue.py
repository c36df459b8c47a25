"""`alerts/NAME.yaml`: the metrics of one kind of server, and the rules made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Metric(_Frozen):
    """One metric that a server really sends. `kind`: RED (rate, errors, duration) or USE
    (utilization, saturation, errors), or a state: which role, which version, up or not."""

    type: Literal["counter", "gauge", "histogram", "summary"]
    unit: str = Field(description='"seconds", "bytes", "1" for a plain number, "bool", "ratio".')
    kind: Literal["rate", "errors", "duration", "utilization", "saturation", "state"]
    job: str = Field(description="Whose it is, as its Scrape's job says.")
    about: str
    labels: tuple[str, ...] = Field((), description="Its own, beyond those of every scrape.")


class Record(_Frozen):
    """A recording rule. `expr` may hold {{ fact }}; {{ selector }} are the service's labels."""

    record: str
    expr: str


class Alert(_Frozen):
    """An alerting rule, and what the person who is called needs to know.

    `expr` as of a Record. page: clients feel it now or will within the hour, somebody is woken;
    ticket: by the next working day. `summary` and `evidence` may hold Prometheus's own templates
    ({{ $labels.member }}, {{ $value }}).
    """

    alert: str
    expr: str
    hold: str = Field("0s", alias="for", description='Such as "15s": how long it must be true.')
    severity: Literal["page", "ticket"]
    summary: str = Field(description="What is wrong, with who it is, one line.")
    impact: str = Field(description="What clients or people feel of it.")
    evidence: str = Field(description="What was measured, with the value.")
    action: str = Field(description="The first thing to do.")


class Catalogue(_Frozen):
    """Everything of one NAME."""

    metrics: Mapping[str, Metric] = Field(default_factory=dict)
    records: tuple[Record, ...] = ()
    alerts: tuple[Alert, ...] = ()


def parse(document: Mapping[str, Any]) -> Catalogue:
    """The catalogue that a file's content says. Raises pydantic's ValidationError."""
    return Catalogue.model_validate(document)
