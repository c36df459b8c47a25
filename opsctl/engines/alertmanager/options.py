"""What a person may write of an Alertmanager."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from opsctl.model import Receiver, ServiceBase, problem

_UNWANTED = {
    "mode": "there is only one",
    "failover": "each member can tell of everything, nobody is replaced",
    "settings": "native settings are opsctl's own here",
    "storage": "all that is kept are silences and what was told",
    "backup": "all that is kept are silences and what was told",
    "slo": "no client of a service waits for it",
}


class AlertmanagerService(ServiceBase):
    """Tells people of alerts; `monitoring:` makes one where nobody wrote it."""

    can_promise_rpo_zero = True  # it is asked for no promise
    keeps_data = False
    routes_alerts = True

    replicas: Annotated[int, Field(ge=1, le=2)] = Field(
        1, description="How many; they agree on who tells, so that people hear it once."
    )
    receivers: tuple[Receiver, ...] = Field((), description="Who is told; each of everything.")
    protect: bool = Field(False, description="Removed only when its name is given.")

    @model_validator(mode="after")
    def _nothing_else(self) -> Self:
        for key, why in _UNWANTED.items():
            if key in self.model_fields_set:
                message = f'"{key}" means nothing here: {why}'
                raise problem("spec/value", message, hint=f'remove "{key}"', keys=(key,))
        return self
