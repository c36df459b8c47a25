"""What a person may write of a Prometheus."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from opsctl.model import (
    Authority,
    BasicAuth,
    Bytes,
    Duration,
    Model,
    Pace,
    RemoteWrite,
    ServiceBase,
    Url,
    over_tls,
    problem,
)
from opsctl.model.quantities import Retention


class ExistingAlertmanager(Model):
    """An Alertmanager that is already there."""

    noun = "an Alertmanager"
    url: Url = Field(description="Where it answers, such as https://alerts.example.")
    basic_auth: BasicAuth | None = Field(None, description="How it lets us in.")
    ca: Authority | None = Field(None, description="By whom it is certified.")
    _proved = model_validator(mode="after")(over_tls)


_UNWANTED = {
    "mode": "there is only one",
    "failover": "each member collects everything, nobody is replaced",
    "settings": "native settings are opsctl's own here",
    "backup": "metrics are sent elsewhere with remote_write",
    "slo": "no client of a service waits for it",
}


class PrometheusService(ServiceBase):
    """Collects metrics; `monitoring:` makes one where nobody wrote it."""

    can_promise_rpo_zero = True  # it is asked for no promise
    keeps_data = False  # no backup makes sense: see remote_write
    collects = True

    replicas: Annotated[int, Field(ge=1, le=2)] = Field(
        1, description="How many; each collects everything for itself."
    )
    interval: Pace = Field(Duration(5_000), description="How often everything is asked, 1s to 30s.")
    retention: Retention = Field(Duration(15 * 86_400_000), description="How long metrics live.")
    remote_write: tuple[RemoteWrite, ...] = Field((), description="Where else metrics are sent.")
    tells: tuple[ExistingAlertmanager, ...] = Field(
        (), description="Alertmanagers that others run and that are told of alerts, too."
    )
    memory: Bytes = Field(Bytes(512 * 1024**2), description="The bound of its process.")

    @model_validator(mode="after")
    def _nothing_else(self) -> Self:
        for key, why in _UNWANTED.items():
            if key in self.model_fields_set:
                message = f'"{key}" means nothing here: {why}'
                raise problem("spec/value", message, hint=f'remove "{key}"', keys=(key,))
        return self
