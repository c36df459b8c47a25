"""Reads standings and performs calls through a target's `ask` door."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.errors import Exit, OpsError, as_ops
from opsctl.ports import Asked, Fence, Target
from opsctl.workload import Answer, Call, Facts, Object, Query, Standing, Standings, Workload


def standings_of(target: Target, workload: Workload) -> Standings:
    """How every component of every member stands; who does not answer is absent."""
    asked = [
        Asked(member.seat, component.name, component.health)
        for member in workload.members()
        for component in member.components
        if component.health is not None
    ]
    answers = target.ask(asked)
    found: dict[tuple[str, str], Standing] = {}
    for question in asked:
        key = (question.seat.member, question.component)
        if answers.get(key):
            found[key] = question.query.parse(answers[key][0])
    return found


def read_object(target: Target, workload: Workload, wanted: Object) -> Facts | None:
    """What a server says of an object now; None when it could not be read."""
    answer = _ask(target, workload, wanted.member, wanted.component, wanted.read, None)
    return wanted.read.parse(answer) if answer is not None else None


def perform(target: Target, workload: Workload, call: Call, fence: Fence | None) -> None:
    """Performs a call; without a fence one that needs no turn there, such as a silence.

    Raises OpsError `run/unanswered`, or `run/refused` in the server's words.
    """
    query: Query[Answer] = Query(call.argv, _itself, call.stdin, call.timeout, call.job)
    answer = _ask(target, workload, call.member, call.component, query, fence)
    if answer is None:
        raise OpsError(
            "run/unanswered",
            f"could not {call.words}: {call.member} can't be reached",
            where=call.member,
            hint="see `opsctl status`",
        )
    reason = call.refused(answer)
    if reason:
        raise OpsError(
            "run/refused",
            f"could not {call.words}: {reason}",
            where=call.member,
            hint="mend the spec or the server, then apply again; `opsctl rollback` goes back",
            exit=Exit.FAILED,
        )


def perform_all(
    target: Target, workload: Workload, calls: Sequence[Call], fence: Fence | None
) -> tuple[OpsError, ...]:
    """Performs every call, whatever becomes of the others; gives what failed."""
    failed = []
    for call in calls:
        try:
            perform(target, workload, call, fence)
        except (OpsError, OSError) as error:
            failed.append(as_ops(error))
    return tuple(failed)


def _ask(
    target: Target,
    workload: Workload,
    member: str,
    component: str,
    query: Query[object] | Query[Answer] | Query[Facts | None],
    fence: Fence | None,
) -> Answer | None:
    seat = workload.member(member).seat
    asked = Asked(seat, component, query, mutating=fence is not None)
    answers = target.ask([asked], fence).get((member, component))
    return answers[0] if answers else None


def _itself(answer: Answer) -> Answer:
    return answer
