"""Floating addresses: whether this host's networks have them, and who has them now."""

from __future__ import annotations

import ipaddress
import json
import re
import threading
from collections.abc import Sequence
from typing import Any

from . import neighbours, places
from .host import Host
from .manifest import kind_and_name
from .shell import RefusedError, run

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Link:
    """A network interface, as `ip -j addr` shows it."""

    def __init__(self, shown: dict[str, Any]):
        self.name: str = shown["ifname"]
        self.ethernet = shown.get("link_type") == "ether"
        self.mac: str = shown.get("address", "") if self.ethernet else ""
        self.addresses = [
            ipaddress.ip_interface(f"{one['local']}/{one['prefixlen']}")
            for one in shown.get("addr_info", ())
            if "local" in one
        ]

    def has(self, address: Address) -> bool:
        return any(one.ip == address for one in self.addresses)

    def networks(self, address: Address) -> list[str]:
        """Its networks of the address's kind. One that came with the address itself is none, and
        so is an address that stands alone, such as another floating one."""
        found = {
            str(one.network)
            for one in self.addresses
            if one.version == address.version and one.ip != address
            if one.network.num_addresses > 1
        }
        return sorted(found)

    def inside(self, address: Address) -> bool:
        return any(address in ipaddress.ip_network(one) for one in self.networks(address))


def seen(host: Host, asked: list[dict[str, Any]]) -> dict[str, Any]:
    """`macs` of this host, and what is found of each of `asked`.

    Those have service, address, and for a member that sits here: member, interface, own (the host's
    own address). Others on the network are asked for an address only on behalf of a member, when
    this host has its network and not the address itself.
    """
    links = read()
    found = [{**place(links, one), "told": told(host, one)} for one in asked]
    free = [one for one in found if one["member"] and one["inside"] and not one["held"]]
    threads = [threading.Thread(target=_ask, args=(links, one)) for one in free]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"macs": sorted({link.mac for link in links if link.mac}), "addresses": found}


def read() -> list[Link]:
    """Raises hosts/no-ip."""
    answer = run(["ip", "-j", "addr"], timeout=10)
    if answer.exit:
        message = f"its addresses can't be read: {answer.err.strip()}"
        raise RefusedError("hosts/no-ip", message, "apt-get install iproute2")
    return links_of(answer.out)


def links_of(text: str) -> list[Link]:
    return [Link(shown) for shown in json.loads(text or "[]") if shown]


def place(links: Sequence[Link], one: dict[str, Any]) -> dict[str, Any]:
    """Which interface an address would be on, and where it is now."""
    address = ipaddress.ip_address(one["address"])
    link = _chosen(links, one, address) if one["member"] else None
    return {
        "member": one["member"],
        "address": one["address"],
        "named": one["interface"],
        "interface": link.name if link else "",
        "interfaces": [each.name for each in links if each.ethernet],
        "networks": link.networks(address) if link else [],
        "inside": link is not None and link.inside(address),
        "within": [each.name for each in links if each.inside(address)],
        "held": next((each.name for each in links if each.has(address)), ""),
        "answered": "",
        "unasked": "",
    }


def _chosen(links: Sequence[Link], one: dict[str, Any], address: Address) -> Link | None:
    """The named one; else the one with the host's own address, else one with a fitting network.

    A host behind address translation does not have the address under which it is reached.
    """
    if one["interface"]:
        return next((link for link in links if link.name == one["interface"]), None)
    own = ipaddress.ip_address(one["own"])
    fitting = [link for link in links if link.has(own) and not own.is_loopback]
    return next(iter(fitting or [link for link in links if link.inside(address)]), None)


def told(host: Host, one: dict[str, Any]) -> bool:
    """Whether what opsctl put here for the service names the address: then it may be here.

    The files and not the unit are asked: a process that was killed leaves its address behind, and
    one that runs need not be the one that has a new address.
    """
    if host.manifest.stranger:
        return False
    ours = [key for key, it in host.manifest.resources.items() if it["service"] == one["service"]]
    files = [name for kind, name in map(kind_and_name, ours) if kind == "file"]
    address = ipaddress.ip_address(one["address"])
    return any(_names(name, address) for name in files)


def _names(path: str, address: Address) -> bool:
    try:
        with open(places.below(path), encoding="utf-8", errors="replace") as file:
            words = set(re.findall(r"[0-9A-Fa-f:]*[:.][0-9A-Fa-f:.]+", file.read()))
    except OSError:  # noted before it is written
        return False
    return any(_is(word, address) for word in words)


def _is(word: str, address: Address) -> bool:
    try:
        return ipaddress.ip_address(word) == address
    except ValueError:
        return False


def _ask(links: Sequence[Link], found: dict[str, Any]) -> None:
    link = next(link for link in links if link.name == found["interface"])
    if not link.ethernet:
        found["unasked"] = f"{link.name} is no Ethernet"
        return
    try:
        found["answered"] = neighbours.answering(link.name, link.mac, found["address"])
    except OSError as error:
        found["unasked"] = f"{link.name}: {error.strerror}"
