"""Where hosts and members are reached, by name and by literal address."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from functools import cache

from opsctl.errors import OpsError
from opsctl.targets.hosts.values import Host
from opsctl.workload import AddressRef


def address_of(hosts: Mapping[str, Host], nodes: Mapping[str, str], ref: AddressRef) -> str:
    """The address of a member; `nodes` tells each member's host.

    Raises hosts/no-address for a member that has no seat here, a name that does not resolve, and
    one that is this very machine's (Debian's /etc/hosts has 127.0.1.1 for it): to each host that is
    told of it, a loopback is the host itself.
    """
    if ref.member not in nodes:
        message = f"{ref.member} has no seat on this target, so it has no address"
        raise OpsError("hosts/no-address", message, hint="place both services on one target")
    address = hosts[nodes[ref.member]].address
    if ref.form != "ip":
        return address
    found = literal(address)
    if found != address and len(hosts) > 1 and ipaddress.ip_address(found).is_loopback:
        message = f"{address} is {found} on this machine, and other hosts do not reach it there"
        raise OpsError("hosts/no-address", message, hint="give the host's IP address in the spec")
    return found


def literal(address: str) -> str:
    """The IP address itself: servers that store what they are told stall on names."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return _looked_up(address)


@cache
def _looked_up(name: str) -> str:
    try:
        found = socket.getaddrinfo(name, None, proto=socket.IPPROTO_TCP)
    except OSError as error:
        hint = "give the host's IP address in the spec"
        raise OpsError(
            "hosts/no-address", f"{name} does not resolve: {error}", hint=hint
        ) from error
    return str(sorted(found, key=lambda one: one[0] != socket.AF_INET)[0][4][0])
