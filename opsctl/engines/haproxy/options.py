"""What a person may write of a pool of balancers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from opsctl.model import ServiceBase, problem


class HAProxyService(ServiceBase):
    """A pool of HAProxy balancers; `routes` say what they lead to."""

    can_promise_rpo_zero = True  # they keep nothing
    keeps_data = False
    balances = True

    replicas: Annotated[int, Field(ge=1, le=9)] = Field(
        2, description="How many balancers; each leads to everything."
    )
    failover: Literal["fast", "normal", "safe"] = Field(
        "normal", description="How soon another balancer takes over a floating address."
    )

    @model_validator(mode="after")
    def _nothing_to_set(self) -> Self:
        for key, why in (
            ("settings", "native settings are opsctl's own here"),
            ("storage", "balancers keep no data"),
            ("backup", "balancers keep no data"),
        ):
            if key in self.model_fields_set:
                raise problem(
                    "spec/value", f'"{key}" means nothing: {why}', hint=f"remove {key}", keys=(key,)
                )
        return self
