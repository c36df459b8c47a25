"""What stands in the way of an apply, or is worth knowing before one. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.planning.observation import Node, Problem
from opsctl.targets.hosts import layout
from opsctl.workload import Kernel, Member

SUPPORTED = ("debian-12", "debian-13")
SKEW = 0.5  # seconds that a host's clock may differ from the caller's, on top of what is uncertain


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
        yield problem(node.where, "hosts/unsupported-system", message, hint, severity)
    if look["stranger"]:
        other = look["stranger"]
        message = f"environment {other.get('name')} here belongs to the id {other.get('id')!r}"
        hint = "give your environment another name, or the id that it had"
        yield problem(node.where, "hosts/other-environment", message, hint)
    if look["namesake"]:
        message = f"this environment's id is bound here under the name {look['namesake']!r}"
        hint = f"set name: {look['namesake']} again, or give the new environment an id of its own"
        yield problem(node.where, "hosts/renamed-environment", message, hint)
    for one in look["problems"]:
        severity = one.get("severity", "error")
        yield problem(node.where, one["code"], one["message"], one["hint"], severity)
    yield from _in_the_way(node.where, look["actual"], look["owned"])
    if kernel == "check":
        yield from _kernel(node.where, look["wishes"], members)
    yield from _memory(node, members)


def _in_the_way(
    where: str, actual: Mapping[str, Any], owned: Mapping[str, Any]
) -> Iterator[Problem]:
    """What others put where ours shall be, and what is ours under another name of the host."""
    known = {(kind, name): at for kind, at, name in (key.split("|", 2) for key in owned)}
    for key, (_, _, foreign) in actual.items():
        if not foreign:
            continue
        kind, _, name = key.split("|", 2)
        message = foreign if name in foreign else f"{name}: {foreign}"
        if key not in owned and (kind, name) in known:
            hint = f"call the host {known[kind, name]} in the spec again, and remove nothing"
            yield problem(where, "hosts/renamed", message, hint)
        else:
            hint = "opsctl takes nothing over: remove it, or place the service elsewhere"
            yield problem(where, "hosts/foreign", message, hint)


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
            yield problem(where, "hosts/kernel", message, hint, "warning")


def _memory(node: Node, members: Sequence[Member]) -> Iterator[Problem]:
    caps = [component.limits.memory or 0 for m in members for component in m.components]
    has = int(node.facts.get("memory", "0"))
    if has and sum(caps) > has:
        message = f"its members may use {sum(caps) >> 20} MiB, it has {has >> 20} MiB"
        hint = "lower memory, or spread the members over more hosts"
        yield problem(node.where, "hosts/memory", message, hint, "warning")


def clock_problems(
    target: str,
    clocks: Mapping[str, tuple[float, float]],
    kept: Mapping[str, Mapping[str, Any] | None],
    keeper: Callable[[], str] = str,
) -> Iterator[Problem]:
    """Hosts whose clock differs from this machine's by more than SKEW, doubt in their favour; and
    of `kept` (what each host's kernel was told) those whose clock nobody keeps. `keeper` says what
    would keep them."""
    off = {host for host, (offset, doubt) in clocks.items() if abs(offset) - doubt > SKEW}
    ours = " (of all hosts: this machine's may be the wrong one)" if off == set(clocks) else ""
    for host in clocks:
        if host in off:
            message = f"its clock is {clocks[host][0]:+.1f} s off this machine's{ours}"
            where = layout.where(target, host)
            yield problem(where, "hosts/clock-skew", message, keeper(), "warning")
    for host, said in kept.items():
        if said is not None and not said["synced"]:
            message = "nobody keeps its clock: the kernel calls it unsynchronised"
            where = layout.where(target, host)
            hint = f"{keeper()}, or `time: external` where others see to it"
            yield problem(where, "hosts/clock-unsynced", message, hint, "warning")


def problem(where: str, code: str, message: str, hint: str, severity: str = "error") -> Problem:
    error = OpsError(code, message, where=f"host {where}", hint=hint, exit=Exit.REFUSED)
    return Problem(where, error, severity)
