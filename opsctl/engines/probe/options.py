"""What a person may write of a probe."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from opsctl.model import Duration, ServiceBase, problem

_UNWANTED = {
    "mode": "there is only one",
    "failover": "each member measures for itself, nobody is replaced",
    "settings": "it has none",
    "storage": "it keeps nothing",
    "backup": "it keeps nothing",
    "slo": "it has no clients to promise anything",
}
_OFTEN, _SELDOM = 0.1, 30.0  # seconds


class ProbeService(ServiceBase):
    """Uses services with an `slo` as clients do; `monitoring:` makes one where nobody wrote it."""

    can_promise_rpo_zero = True  # it keeps nothing
    keeps_data = False
    probes = True

    replicas: Annotated[int, Field(ge=1, le=2)] = Field(
        1, description="How many; each tries every route for itself."
    )
    interval: Duration = Field(
        Duration(1_000),
        description="How often each route is tried; a try that has no answer by the next failed.",
    )
    protect: bool = Field(False, description="Removed only when its name is given.")

    @field_validator("interval")
    @classmethod
    def _neither_a_load_nor_blind(cls, interval: Duration) -> Duration:
        if not _OFTEN <= interval.seconds <= _SELDOM:
            raise problem(
                "spec/value",
                f"an interval of {interval} is no good",
                hint=f"between {_OFTEN:g}s and {_SELDOM:g}s: neither a load nor blind",
            )
        return interval

    @model_validator(mode="after")
    def _nothing_else(self) -> Self:
        for key, why in _UNWANTED.items():
            if key in self.model_fields_set:
                message = f'"{key}" means nothing here: {why}'
                raise problem("spec/value", message, hint=f'remove "{key}"', keys=(key,))
        return self
