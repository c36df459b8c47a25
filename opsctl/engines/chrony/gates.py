"""What must hold before the next member restarts, and at the end."""

from __future__ import annotations

from opsctl.engines.chrony.clock import CHANGED, CHRONY, Clock, reason_of
from opsctl.workload import Gate, Standings


def anything() -> Gate:
    """A clock runs on while its keeper restarts, and the others do not depend on it."""
    return Gate("nothing else: a clock runs on without its keeper", lambda _standings: "")


def changed(clock: Clock) -> Gate:
    """Each member that runs as in the spec is right again. One that still asks somebody else waits
    for its turn: it may be wrong just because of whom it asks."""

    def holds(standings: Standings) -> str:
        for member in clock.members:
            found = standings.get((member, CHRONY))
            waits = found is not None and found.details.get(CHANGED, clock.asked) != clock.asked
            if not waits and (reason := reason_of(standings, member)):
                return reason
        return ""

    return Gate("the clock of each changed member is right", holds, clock.service.patience.seconds)


def whole(clock: Clock) -> Gate:
    """Every clock is right."""

    def holds(standings: Standings) -> str:
        reasons = (reason_of(standings, member) for member in clock.members)
        return next((reason for reason in reasons if reason), "")

    return Gate("every clock is right", holds, clock.service.patience.seconds)
