"""What a person may write of a node exporter."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from opsctl.model import ServiceBase, problem

_UNWANTED = {
    "replicas": "one member sits on every host; place narrows which",
    "mode": "there is only one",
    "failover": "there is nobody to replace",
    "settings": "native settings are opsctl's own here",
    "storage": "it keeps nothing",
    "backup": "it keeps nothing",
    "slo": "it has no clients to promise anything",
}


class NodeExporterService(ServiceBase):
    """Measures hosts; `monitoring:` makes one where nobody wrote it."""

    can_promise_rpo_zero = True  # it keeps nothing
    keeps_data = False
    every_host = True
    measures_hosts = True

    protect: bool = Field(False, description="Removed only when its name is given.")

    @model_validator(mode="after")
    def _nothing_else(self) -> Self:
        for key, why in _UNWANTED.items():
            if key in self.model_fields_set:
                message = f'"{key}" means nothing here: {why}'
                raise problem("spec/value", message, hint=f'remove "{key}"', keys=(key,))
        return self
