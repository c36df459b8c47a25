"""Floating addresses: what hosts are asked of them, and why one can't be used. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsctl.planning.observation import Problem
from opsctl.targets.hosts import layout
from opsctl.targets.hosts.problems import problem
from opsctl.workload import AddressRef, Floating, Member, Workload

Wrong = tuple[str, str, str, str]  # code, message, hint, severity
CHOOSE = "remove it there, or choose a free address"


def floating_of(member: Member) -> Iterator[Floating]:
    for component in member.components:
        yield from component.floating


def questions(
    workloads: Iterable[Workload], host: str, address_of: Callable[[AddressRef], str]
) -> list[dict[str, str]]:
    """What a host is asked: whether its members can get their addresses, and of others' addresses
    whether it has them, by right or not.
    """
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for workload in workloads:
        for member in workload.members():
            here = member.seat.node == host
            name = member.name if here else ""
            own = address_of(AddressRef(member.name, "ip")) if here else ""
            for one in floating_of(member):
                found[name, workload.service, one.address] = {
                    "service": workload.service,
                    "address": one.address,
                    "member": name,
                    "interface": one.interface if here else "",
                    "own": own,
                }
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Sights:
    """What the hosts of a target said of floating addresses, together.

    `silent`: addresses that a host which did not answer may have by right, with that host.
    """

    target: str
    seen: Mapping[str, Mapping[str, Any]]  # by host: macs, addresses
    silent: Mapping[str, str] = field(default_factory=dict)

    def problems(self) -> Iterator[Problem]:
        for host, said in self.seen.items():
            for one in said["addresses"]:
                if one["member"] and (found := self._problem(host, one)):
                    yield problem(layout.where(self.target, host), *found)

    def _problem(self, host: str, one: Mapping[str, Any]) -> Wrong | None:
        """The first thing that is wrong."""
        address, named = one["address"], one["named"]
        if named and not one["interface"]:
            message = f"{address} is wanted on {named}, and there is no such interface"
            return "hosts/vip-interface", message, f"it has {', '.join(one['interfaces'])}", "error"
        if one["held"] and not one["told"]:
            return _taken(address, _has(host, one))
        if not one["inside"]:
            return "hosts/vip-outside", _outside(one), _inside_hint(one), "error"
        if one["answered"]:
            return self._answered(address, one["answered"])
        if one["unasked"]:
            message = f"nobody could be asked for {address}: {one['unasked']}"
            return "hosts/vip-unasked", message, "see to it that no other machine has it", "warning"
        return None

    def _answered(self, address: str, mac: str) -> Wrong | None:
        # A virtual router's MAC may be on several hosts at once.
        owners = [host for host, said in self.seen.items() if mac in said["macs"]]
        theirs = {host: one for host in owners if (one := self._of(host, address))}
        if any(one["told"] for one in theirs.values()):
            return None
        holding = next((host for host, one in theirs.items() if one["held"]), "")
        if holding:
            return _taken(address, _has(holding, theirs[holding]))
        if owners:
            return _taken(address, f"{owners[0]} ({mac}) answers for it")
        if address in self.silent:
            other = self.silent[address]
            message = f"{mac} answers for {address}: perhaps {other}, which could not be asked"
            return "hosts/vip-taken", message, f"see to {other} first", "warning"
        hint = "find that machine by its MAC, or choose a free address"
        return _taken(address, f"{mac} answers for it, no host of {self.target}", hint)

    def _of(self, host: str, address: str) -> Mapping[str, Any] | None:
        found = [one for one in self.seen[host]["addresses"] if one["address"] == address]
        # Asked for several members or services: it is ours if one of them was given it.
        return max(found, key=lambda one: bool(one["told"]), default=None)


def _taken(address: str, who: str, hint: str = CHOOSE) -> Wrong:
    return "hosts/vip-taken", f"{address} is in use: {who}", hint, "error"


def _has(host: str, one: Mapping[str, Any]) -> str:
    return f"{host} has it on {one['held']}, and opsctl did not put it there"


def _outside(one: Mapping[str, Any]) -> str:
    if not one["interface"]:
        return f"{one['address']} is in none of its networks"
    networks = ", ".join(one["networks"]) or "none of that kind"
    return f"{one['address']} is in no network of {one['interface']} ({networks})"


def _inside_hint(one: Mapping[str, Any]) -> str:
    if one["within"]:
        return f"it is in one of {one['within'][0]}'s: name that interface"
    return "choose an address of a network that all its hosts share"
