"""Monitoring: metrics, alerts and dashboards of an environment."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from opsctl.model.authorities import Authority, over_tls
from opsctl.model.base import Model, Name, Secret, problem
from opsctl.model.quantities import Duration, Retention

Url: TypeAlias = Annotated[str, Field(pattern=r"^https?://\S+$")]
Address: TypeAlias = Annotated[str, AfterValidator(lambda text: str(ipaddress.ip_address(text)))]

_CERTIFIED = (
    "By whom it is certified: a file with that authority's certificate, or PEM. Left out: by one "
    "that the asking machine believes."
)
_OFTEN, _SELDOM = 1.0, 30.0  # seconds


def _neither_too_often_nor_too_seldom(interval: Duration) -> Duration:
    if not _OFTEN <= interval.seconds <= _SELDOM:
        raise problem(
            "spec/value",
            f"an interval of {interval} is no good",
            hint=f"between {_OFTEN:g}s and {_SELDOM:g}s: a rate over a minute needs two points "
            "in it, and pages are about such rates",
        )
    return interval


Pace: TypeAlias = Annotated[Duration, AfterValidator(_neither_too_often_nor_too_seldom)]
"""How often everything is asked."""


class Receiver(Model):
    """Where alerts go."""

    noun = "a receiver"
    name: Name = Field(description="Its name in routes and on screens.")
    webhook: Secret = Field(description="The URL that is posted to.")
    ca: Authority | None = Field(None, description=_CERTIFIED)


class BasicAuth(Model):
    """Who is let in by name and password."""

    noun = "basic_auth"
    user: str = Field(min_length=1, pattern=r"^[^:\s]+$", description="The name.")
    password: Secret = Field(description="The password.")


class RemoteWrite(Model):
    """Another place that metrics are sent to."""

    noun = "remote_write"
    url: Url = Field(
        description="Where it takes them, such as https://metrics.example/api/v1/write."
    )
    basic_auth: BasicAuth | None = Field(None, description="How it lets us in.")
    ca: Authority | None = Field(None, description=_CERTIFIED)
    _proved = model_validator(mode="after")(over_tls)


class Alertmanager(Model):
    """How alerts reach people: by one of our own, or by one that is already there."""

    noun = "alertmanager"
    receivers: tuple[Receiver, ...] = Field((), description="Where alerts go.")
    url: Url | None = Field(
        None,
        description="One that is already there is told instead, such as https://alerts.example.",
    )
    basic_auth: BasicAuth | None = Field(None, description="How that one lets us in.")
    ca: Authority | None = Field(None, description=_CERTIFIED)
    _proved = model_validator(mode="after")(over_tls)

    @model_validator(mode="after")
    def _ours_or_theirs(self) -> Self:
        if self.url and self.receivers:
            raise problem(
                "spec/value",
                "receivers are of an Alertmanager that opsctl builds, and url names another",
                hint="remove receivers: who is told is said there",
                keys=("receivers",),
            )
        for key, why in (("basic_auth", "has a password"), ("ca", "is certified")):
            if getattr(self, key) and not self.url:
                raise problem(
                    "spec/value",
                    f'{key} means nothing without "url": opsctl\'s own {why} anyway',
                    hint=f"remove {key}",
                    keys=(key,),
                )
        return self


class ExistingPrometheus(Model):
    """A Prometheus that is already there."""

    noun = "prometheus"
    url: Url = Field(
        description="Where it answers, such as https://prometheus.example: status, alerts and "
        "dashboards ask it."
    )
    basic_auth: BasicAuth | None = Field(None, description="How it lets us in.")
    ca: Authority | None = Field(None, description=_CERTIFIED)
    addresses: tuple[Address, ...] = Field(
        (),
        description="Whence it collects: `firewall: manage`, and policies of a cluster, let these "
        "addresses in.",
    )
    _proved = model_validator(mode="after")(over_tls)


class Grafana(Model):
    """A Grafana that is already there."""

    noun = "grafana"
    url: Url = Field(description="Where it answers, such as https://grafana.example.")
    token: Secret = Field(description="A service account token.")
    ca: Authority | None = Field(None, description=_CERTIFIED)
    datasource: str | None = Field(
        None,
        description="The name or uid of the data source that panels ask. Left out: the one that "
        "opsctl makes, or the only Prometheus there.",
    )
    _proved = model_validator(mode="after")(over_tls)


class Monitoring(Model):
    """Metrics, alerts and dashboards."""

    noun = "monitoring"
    on: Name = Field(description="The target it runs on; its services are watched.")
    also: tuple[Name, ...] = Field(
        (),
        description="Other targets made of hosts whose services are watched from there: their "
        "hosts' addresses must be reachable from it.",
    )
    replicas: int | None = Field(
        None,
        ge=1,
        le=2,
        description="How many collect and how many tell of alerts, each on a host of its own. "
        "Left out: 2, or 1 where there is one host.",
    )
    interval: Pace = Field(
        Duration(5_000),
        description="How often everything is asked, 1s to 30s. Page alerts reach people within "
        "45 s with 5s.",
    )
    retention: Retention = Field(Duration(15 * 86_400_000), description="How long metrics live.")
    remote_write: tuple[RemoteWrite, ...] = Field((), description="Where else metrics are sent.")
    alertmanager: Alertmanager = Field(Alertmanager(), description="How alerts reach people.")
    grafana: Grafana | None = Field(None, description="Where dashboards are pushed.")
    prometheus: ExistingPrometheus | None = Field(
        None,
        description="One that is already there collects: `opsctl render monitoring` writes what it "
        "includes, and none is built.",
    )

    @property
    def targets(self) -> tuple[str, ...]:
        """Those whose services are watched, its own first."""
        return tuple(dict.fromkeys((self.on, *self.also)))

    @model_validator(mode="after")
    def _ours_or_theirs(self) -> Self:
        """Its own configuration says these things."""
        if self.prometheus is None:
            return self
        for key in ("retention", "remote_write"):
            if key in self.model_fields_set:
                raise problem(
                    "spec/value",
                    f'"{key}" means nothing where another Prometheus collects',
                    hint=f'remove "{key}": it is said in that one\'s configuration',
                    keys=(key,),
                )
        if self.alertmanager.receivers:
            raise problem(
                "spec/value",
                "receivers mean nothing where another Prometheus collects: it tells its own "
                "Alertmanager",
                hint="remove receivers; alertmanager: {url: ...} names that one, for silences",
                keys=("alertmanager", "receivers"),
            )
        return self
