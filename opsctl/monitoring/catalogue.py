"""`alerts/NAME.yaml`: the metrics of one kind of server, and the rules made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# What a metric says of a resource or of requests (USE, RED), or a state: which role, up or not.
Kind = Literal["rate", "errors", "duration", "utilization", "saturation", "state"]
Label = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
Time = Annotated[str, Field(pattern=r"^([0-9]+(ms|s|m|h|d|w))+$")]

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

Each = Literal["vip", "window", "member"]
"""Of what a rule is made once for every one: the floating addresses of a balancer's routes, with
{{ address }}; the times over which a promise is looked at, with {{ window }} and {{ seconds }}; the
members that are looked for, with {{ member }} and {{ job }}."""

SCRAPED = ("environment", "service", "member", "host", "job", "instance")
"""The labels of everything that is scraped, beside a metric's own."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, populate_by_name=True)


class Metric(_Frozen):
    """One metric that a server really sends."""

    type: Literal["counter", "gauge", "histogram", "summary"]
    unit: str = Field(description='"seconds", "bytes", "1" for a plain number, "bool", "ratio".')
    kind: Kind
    job: str = Field(description="Whose it is, as its Scrape's job says.")
    about: str
    labels: tuple[Label, ...] = Field((), description="Its own, beyond those of every scrape.")
    sometimes: str = Field(
        "", description="When it is sent, where that is not always: which version, which state."
    )


class Record(_Frozen):
    """A recording rule. `expr` may hold {{ fact }}; {{ selector }} are the service's labels.

    `labels` are those that its series have. `where` and `each` as of an Alert.
    """

    record: str = Field(pattern=r"^[a-z_][a-z0-9_]*(:[a-z0-9_]+)+(\{\{ window \}\})?$")
    expr: str
    unit: str
    kind: Kind
    about: str
    labels: tuple[Label, ...] = ("environment", "service", "member", "host")
    where: tuple[str, ...] = ()
    each: Each | None = None


class Alert(_Frozen):
    """An alerting rule, and what the person who is called needs to know.

    `expr` as of a Record. page: clients feel it now or will within the hour, somebody is woken;
    ticket: by the next working day; none: nobody, machines listen to it. The texts may hold
    Prometheus's own templates ({{ $labels.member }}, {{ $value }}).
    """

    alert: str = Field(pattern=r"^[A-Z][A-Za-z0-9]+$")
    expr: str
    hold: Time = Field("0s", alias="for", description='Such as "15s": how long it must be true.')
    severity: Literal["page", "ticket", "none"]
    labels: tuple[Label, ...] = Field(
        (),
        description="Which labels it fires with, beside environment and service. With `service` "
        "among them it is about the service of its series, else about the one whose rule it is.",
    )
    where: tuple[str, ...] = Field(
        (), description="Facts. Where one is not said, or is 0, the alert means nothing."
    )
    each: Each | None = Field(None, description="Of what there is one for every one.")
    summary: str = Field(description="What is wrong, with who it is, one line.")
    impact: str = Field(description="What clients or people feel of it.")
    evidence: str = Field(description="What was measured, with the value.")
    action: str = Field(description="The first thing to do.")


class Catalogue(_Frozen):
    """Everything of one NAME."""

    interval: Time | Literal[""] = Field(
        "", description="How often its rules are looked at; else as often as the server does."
    )
    metrics: Mapping[str, Metric] = Field(default_factory=dict)
    records: tuple[Record, ...] = ()
    alerts: tuple[Alert, ...] = ()


def seconds(time: str) -> float:
    """Of a Time: 90s, 1h30m."""
    parts = re.findall(r"([0-9]+)(ms|[smhdw])", time)
    return float(sum(int(count) * _UNITS[unit] for count, unit in parts))


def parse(document: Mapping[str, Any]) -> Catalogue:
    """The catalogue that a file's content says. Raises pydantic's ValidationError."""
    return Catalogue.model_validate(document)
