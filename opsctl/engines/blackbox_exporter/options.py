"""What a person may write of a blackbox exporter."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from opsctl.model import ServiceBase, problem

_UNWANTED = {
    "mode": "there is only one",
    "failover": "each member knocks for itself, nobody is replaced",
    "settings": "native settings are opsctl's own here",
    "storage": "it keeps nothing",
    "backup": "it keeps nothing",
    "slo": "it has no clients to promise anything",
}


class BlackboxExporterService(ServiceBase):
    """Knocks at routes; `monitoring:` makes one where nobody wrote it."""

    can_promise_rpo_zero = True  # it keeps nothing
    keeps_data = False
    knocks = True

    replicas: Annotated[int, Field(ge=1, le=2)] = Field(
        1, description="From how many places; each knocks at every route."
    )
    protect: bool = Field(False, description="Removed only when its name is given.")

    @model_validator(mode="after")
    def _nothing_else(self) -> Self:
        for key, why in _UNWANTED.items():
            if key in self.model_fields_set:
                message = f'"{key}" means nothing here: {why}'
                raise problem("spec/value", message, hint=f'remove "{key}"', keys=(key,))
        return self
