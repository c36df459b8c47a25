"""What a person may write of a time service."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from opsctl.model import Duration, ServiceBase, problem

DEBIAN = "2.debian.pool.ntp.org"  # what Debian's own package asks
_UNWANTED = {
    "replicas": "one member sits on every host; place narrows which",
    "mode": "there is only one",
    "failover": "there is nobody to replace",
    "settings": "native settings are opsctl's own here",
    "storage": "all that is kept is how fast the clock drifts",
    "backup": "all that is kept is how fast the clock drifts",
    "slo": "it has no clients to promise anything",
}


def _check_network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        message = f'"{text}" is no network'
        raise problem("spec/value", message, hint='such as "10.0.0.0/24"') from None
    return text


_Source = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$")]


class ChronyService(ServiceBase):
    """A time service: chrony on every host of the target."""

    can_promise_rpo_zero = True  # it keeps nothing
    keeps_data = False
    every_host = True
    keeps_time = True

    servers: tuple[_Source, ...] = Field((), description="NTP servers; three or more find a liar.")
    pool: _Source | None = Field(
        None, description=f"A name with many NTP servers. Neither it nor servers: {DEBIAN}."
    )
    makestep: Duration = Field(
        Duration(1_000),
        description="More than this is stepped, at a start only; less is slewed, and so is all "
        "later. 0: never step.",
    )
    local: int | None = Field(
        None, ge=1, le=15, description="The stratum to serve its own clock at without any source."
    )
    serve: bool = Field(False, description="Answer NTP clients of `allow`, on `port` (123).")
    allow: tuple[Annotated[str, AfterValidator(_check_network)], ...] = Field(
        (), description="Networks whose hosts may ask."
    )
    control: bool = Field(
        True, description="false: measure only, where the clock is not the host's to set."
    )
    patience: Duration = Field(
        Duration(60_000), description="How long an apply waits for clocks to be right."
    )
    protect: bool = Field(False, description="Removed only when its name is given.")

    @property
    def asks(self) -> tuple[str, ...]:
        """Everybody who is asked for the time; nobody where only the own clock is served."""
        pools = (self.pool,) if self.pool else ()
        if not self.servers and not pools and self.local is None:
            return (DEBIAN,)
        return (*self.servers, *pools)

    @property
    def pools(self) -> tuple[str, ...]:
        """Those of `asks` that stand for many servers."""
        return tuple(name for name in self.asks if name not in self.servers)

    @model_validator(mode="after")
    def _checked(self) -> Self:
        for key, why in _UNWANTED.items():
            if key in self.model_fields_set:
                message = f'"{key}" means nothing here: {why}'
                raise problem("spec/value", message, hint=f'remove "{key}"', keys=(key,))
        if self.serve != bool(self.allow):
            message = "it serves whom `allow` names: serve and allow go together"
            hint = "serve: true with allow: [10.0.0.0/24], or neither"
            raise problem("spec/value", message, hint=hint, keys=("serve",))
        if self.port and not self.serve:
            message = "without serve it listens nowhere"
            raise problem("spec/value", message, hint='remove "port"', keys=("port",))
        return self
