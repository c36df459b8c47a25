"""Routes: stable addresses in front of services."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, field_validator

from opsctl.model.base import Model, Name, Port, problem
from opsctl.model.quantities import Bytes
from opsctl.model.services import Placement


class Vip(Model):
    """An address that moves between balancers."""

    noun = "a vip"
    address: str = Field(description="The IP address, with or without its /prefix.")
    interface: str | None = Field(None, description="Left out: the one that reaches the address.")
    vrid: int | None = Field(None, ge=1, le=255, description="VRRP router id; left out: chosen.")

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        try:
            ipaddress.ip_interface(address)
        except ValueError:
            raise problem(
                "spec/value", f'"{address}" is no IP address', hint="such as 10.0.0.100/24"
            ) from None
        return address


def _address_alone(value: object) -> object:
    return {"address": value} if isinstance(value, str) else value


AnyVip: TypeAlias = Annotated[
    Vip, BeforeValidator(_address_alone, json_schema_input_type=str | Vip)
]


class Route(Model):
    """Leads clients to the members of a service that have a role."""

    noun = "a route"
    to: Name = Field(description="The service.")
    role: Literal["primary", "replica", "any"] = Field("primary", description="Which members.")
    port: Port | None = Field(None, description="Where clients connect; left out: the engine's.")
    vip: AnyVip | None = Field(None, description="An address, or {address, interface, vrid}.")
    balance: Literal["roundrobin", "leastconn", "source", "first"] = Field(
        "leastconn", description="How connections are shared out."
    )
    max_lag: Bytes | None = Field(None, description="Leave out replicas that lag by more.")
    on: Name | None = Field(None, description="The balancers' target; left out: the service's.")
    place: Placement = Field(Placement(), description="The balancers' hosts.")
