"""Routes: stable addresses in front of services."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, field_validator, model_validator

from opsctl.model.base import Model, Name, Port, problem
from opsctl.model.quantities import Duration


class Vip(Model):
    """An address that moves between balancers."""

    noun = "a vip"
    address: str = Field(description="The IP address, with or without its /prefix.")
    interface: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_.:-]{1,15}$",
        description="The network interface. Left out: the one with the host's own address.",
    )
    vrid: int | None = Field(
        None,
        ge=1,
        le=255,
        description="VRRP router id, one per network. Left out: the address's last byte.",
    )

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        try:
            ip = ipaddress.ip_interface(address).ip
        except ValueError:
            raise problem(
                "spec/value", f'"{address}" is no IP address', hint="such as 10.0.0.100/24"
            ) from None
        if ip.is_loopback or ip.is_multicast or ip.is_unspecified or ip.is_link_local:
            raise problem(
                "spec/value",
                f'"{address}" can\'t move between hosts',
                hint="a free address of the balancers' network, such as 10.0.0.100",
            )
        return address

    @property
    def ip(self) -> str:
        """The address alone, in its usual form."""
        return str(ipaddress.ip_interface(self.address).ip)

    @property
    def prefix(self) -> int | None:
        """The prefix that was written."""
        _, slash, length = self.address.partition("/")
        return ipaddress.ip_interface(self.address).network.prefixlen if slash and length else None


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
    max_lag: Duration | None = Field(
        None, description="Leave out replicas that did not hear of their primary for longer."
    )
    max_connections: int | None = Field(
        None, ge=1, le=1_000_000, description="More wait in the kernel's queue. Left out: 10000."
    )
    via: Name | None = Field(
        None,
        description="The service whose balancers it goes through. Left out: the only one of the "
        "service's target, or `balancer-TARGET`, which is then made.",
    )

    @model_validator(mode="after")
    def _lag_is_of_replicas(self) -> Self:
        if self.max_lag is not None and self.role != "replica":
            raise problem(
                "spec/value",
                f"max_lag means nothing to role: {self.role}",
                hint="role: replica, or remove max_lag",
                keys=("max_lag",),
            )
        return self
