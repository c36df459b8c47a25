"""Waits until a gate holds: bounded, and saying what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from opsctl.errors import OpsError
from opsctl.planning.plan import Plan
from opsctl.running.asking import perform, perform_all
from opsctl.running.context import Context, Service
from opsctl.running.onward import onward, resumable
from opsctl.workload import Act, Call, Gate, Standings, Workload

# Seconds between two looks. One look costs a round trip, so it needs no back-off.
_PAUSE = 0.15
_AGAIN = 5.0  # seconds from one `meanwhile` of an act to the next
# Seconds that a place may be silent. A server that restarts is not: its host still answers.
_LOST = 30.0


def await_gate(
    here: Service, gate: Gate, meanwhile: Callable[[], None] = lambda: None
) -> Standings:
    """The standings with which it came to hold. `meanwhile` is called after each look in vain.

    Raises OpsError `run/gate` with the last reason after `gate.timeout` seconds, and sooner
    `run/lost` when a member's place does not answer at all.
    """
    context, workload = here.context, here.workload
    deadline = context.monotonic() + gate.timeout
    said = ""
    silent: dict[str, float] = {}  # members of which nothing is heard, and since when
    while True:
        standings = here.standings()
        reason = gate.holds(standings)
        if not reason:
            return standings
        if context.monotonic() >= deadline:
            raise OpsError(
                "run/gate",
                f"waited {gate.timeout:g} s until {gate.words}, but {reason}",
                where=workload.service,
                hint=f"see `opsctl status` and `opsctl logs`, then {onward(context.plan)}",
            )
        now = context.monotonic()
        silent = {member: silent.get(member, now) for member in _silent(workload, standings)}
        if lost := [member for member, since in silent.items() if now - since >= _LOST]:
            raise _lost(lost, workload, context.plan)
        if reason != said:
            context.say(_waiting(context, gate, reason, said), where=workload.service)
            said = reason
        meanwhile()
        context.stop.wait(_PAUSE)
        context.stop.check()


def _waiting(context: Context, gate: Gate, reason: str, said: str) -> str:
    """What is waited for is said once in a run, as it is long; then only what stands in its way."""
    if said:
        return reason
    if gate.words in context.told:
        return f"waiting: {reason}"
    context.told.add(gate.words)
    return f"waiting until {gate.words}: {reason}"


def _silent(workload: Workload, standings: Standings) -> Iterator[str]:
    """Members of which nothing was heard: a server that is down is not among them."""
    heard = {member for member, _ in standings}
    for member in workload.members():
        if member.name not in heard and any(one.health for one in member.components):
            yield member.name


def _lost(members: Sequence[str], workload: Workload, plan: Plan) -> OpsError:
    without = "; or go on without it: --skip-unreachable" if resumable(plan) else ""
    nodes = ", ".join(workload.member(member).seat.node for member in members)
    return OpsError(
        "run/lost",
        f"{', '.join(members)} on {nodes} can't be reached any more",
        where=workload.service,
        hint=f"bring it back, then {onward(plan)}{without}",
    )


def _again(here: Service, call: Call | None) -> Callable[[], None]:
    """Performs the call where its time has come. Who can't take it is told of: the gate decides."""
    context = here.context
    last = context.monotonic()

    def again() -> None:
        nonlocal last
        if call is None or context.monotonic() - last < _AGAIN:
            return
        last = context.monotonic()
        for error in perform_all(here.target, here.workload, (call,), here.fence):
            context.say(error.message, where=call.member)

    return again


def perform_acts(here: Service, acts: tuple[Act, ...]) -> None:
    """Performs acts in order. When one fails or a stop is asked, the undoes of all that were begun
    are done, the newest first: so nothing stays paused. What is lasting, was accepted and is not
    undone is noted as a change of the run."""
    context, target, workload, fence = here.context, here.target, here.workload, here.fence
    begun: list[Act] = []
    accepted: list[Act] = []
    try:
        for act in acts:
            context.say(act.call.words, where=act.call.member)
            begun.append(act)
            perform(target, workload, act.call, fence)
            accepted.append(act)
            if act.until is not None:
                await_gate(here, act.until, _again(here, act.meanwhile))
    except BaseException:
        for act in reversed(begun):
            failed = perform_all(target, workload, act.undo, fence)
            for error in failed:
                context.say(f"could not undo: {error.message}", where=act.call.member)
            if act.undo and not failed and act in accepted:
                accepted.remove(act)
        raise
    finally:
        context.changed.update(act.call.member for act in accepted if act.lasting)
