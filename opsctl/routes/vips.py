"""Floating addresses of a pool: who holds which first, and the router id of each."""

from __future__ import annotations

import ipaddress

from opsctl.model import Environment
from opsctl.workload import Vip

_IDS = 255  # VRRP has 1 to 255


def vips(environment: Environment, pool: str) -> tuple[Vip, ...]:
    """The pool's addresses in the spec's order, spread over its members."""
    ids = router_ids(environment)
    found: dict[str, Vip] = {}
    members = environment.services[pool].members
    for route in environment.routes.values():
        if route.vip is None or route.via != pool:
            continue
        address = route.vip.ip
        known = found.get(address)
        found[address] = Vip(
            address=address,
            prefix=route.vip.prefix or (known.prefix if known else None),
            interface=route.vip.interface or (known.interface if known else ""),
            router_id=ids[address],
            first=known.first if known else len(found) % members,
        )
    return tuple(found.values())


def router_ids(environment: Environment) -> dict[str, int]:
    """A router id for every address of the environment: the one written, else the address's last
    byte (0 counts as 255), or the next one that is free.

    Environments do not know each other: two that share a network write `vrid` where last bytes are
    the same.
    """
    written: dict[str, int | None] = {}
    for route in environment.routes.values():
        if route.vip is not None:
            written[route.vip.ip] = route.vip.vrid or written.get(route.vip.ip)
    ids = {address: vrid for address, vrid in written.items() if vrid is not None}
    for address in sorted(set(written) - set(ids), key=_sort_key):
        wanted = ipaddress.ip_address(address).packed[-1]
        candidates = ((wanted - 1 + step) % _IDS + 1 for step in range(_IDS))
        taken = set(ids.values())
        ids[address] = next((one for one in candidates if one not in taken), wanted or _IDS)
    return ids


def _sort_key(address: str) -> tuple[int, bytes]:
    ip = ipaddress.ip_address(address)
    return ip.version, ip.packed
