"""What stands in the way of an apply, or is worth knowing before one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.planning.observation import Node, Problem
from opsctl.targets.hosts import layout
from opsctl.workload import Kernel, Member

SUPPORTED = ("debian-12", "debian-13")
SKEW = 1.0  # seconds that two hosts' clocks may differ; certificates and leases want no more


def host_problems(
    node: Node,
    look: Mapping[str, Any],
    members: Sequence[Member],
    unsupported: bool,
    kernel: str,
) -> Iterator[Problem]:
    """Of one host: its system, what others put there, kernel wishes, memory, and what it said."""
    if node.system not in SUPPORTED:
        name = node.facts.get("pretty") or node.system
        severity = "warning" if unsupported else "error"
        message = f"{name} is not supported: Debian 12 and 13 are"
        hint = "--unsupported goes on at your own risk"
        yield _problem(node.where, "hosts/unsupported-system", message, hint, severity)
    if look["stranger"]:
        other = look["stranger"]
        message = f"environment {other.get('name')} here belongs to the id {other.get('id')!r}"
        hint = "give your environment another name, or the id that it had"
        yield _problem(node.where, "hosts/other-environment", message, hint)
    if look["namesake"]:
        message = f"this environment's id is bound here under the name {look['namesake']!r}"
        hint = f"set name: {look['namesake']} again, or give the new environment an id of its own"
        yield _problem(node.where, "hosts/renamed-environment", message, hint)
    for one in look["problems"]:
        severity = one.get("severity", "error")
        yield _problem(node.where, one["code"], one["message"], one["hint"], severity)
    for key, found in look["actual"].items():
        if found[2]:
            hint = "opsctl takes nothing over: remove it, or place the service elsewhere"
            name = key.split("|")[2]
            message = found[2] if name in found[2] else f"{name}: {found[2]}"
            yield _problem(node.where, "hosts/foreign", message, hint)
    if kernel == "check":
        yield from _kernel(node.where, look["wishes"], members)
    yield from _memory(node, members)


def _kernel(where: str, now: Mapping[str, str], members: Sequence[Member]) -> Iterator[Problem]:
    wishes: dict[str, Kernel] = {
        wish.name: wish
        for member in members
        for component in member.components
        for wish in component.kernel
    }
    for name, wish in wishes.items():
        if now.get(name) not in ("", wish.value):
            message = f"{name} is {now.get(name)}, {wish.value} is wanted: {wish.reason}"
            by_hand = (
                f"echo {wish.value} > /sys/kernel/mm/transparent_hugepage/enabled"
                if name == "transparent_hugepage"
                else f"sysctl -w {name}={wish.value}"
            )
            hint = f"{by_hand}, or kernel: apply"
            yield _problem(where, "hosts/kernel", message, hint, "warning")


def _memory(node: Node, members: Sequence[Member]) -> Iterator[Problem]:
    caps = [component.limits.memory or 0 for m in members for component in m.components]
    has = int(node.facts.get("memory", "0"))
    if has and sum(caps) > has:
        message = f"its members may use {sum(caps) >> 20} MiB, it has {has >> 20} MiB"
        hint = "lower memory, or spread the members over more hosts"
        yield _problem(node.where, "hosts/memory", message, hint, "warning")


def clock_problems(target: str, clocks: Mapping[str, tuple[float, float]]) -> Iterator[Problem]:
    """Hosts whose clocks differ by more than SKEW from the middle one, doubt in their favour."""
    if not clocks:
        return
    offsets = sorted(offset for offset, _ in clocks.values())
    middle = offsets[(len(offsets) - 1) // 2]
    for host, (offset, doubt) in clocks.items():
        if abs(offset - middle) - doubt > SKEW:
            message = f"its clock is {offset - middle:+.1f} s off the other hosts'"
            hint = "install chrony (or start systemd-timesyncd) there"
            yield _problem(layout.where(target, host), "hosts/clock", message, hint, "warning")


def _problem(where: str, code: str, message: str, hint: str, severity: str = "error") -> Problem:
    error = OpsError(code, message, where=f"host {where}", hint=hint, exit=Exit.REFUSED)
    return Problem(where, error, severity)
