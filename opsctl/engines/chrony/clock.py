"""One time service on its seats, and what its members say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opsctl.engines.chrony.options import ChronyService
from opsctl.workload import Answer, Query, Seat, Standing

CHRONY = "chrony"
NTP = "ntp"
CLOSE = 0.1  # seconds that a clock may be off and still be called right
CHANGED = "asks"  # detail: whom the running process asks


@dataclass(frozen=True, slots=True)
class Clock:
    """The service and where its members sit."""

    name: str
    service: ChronyService
    seats: tuple[Seat, ...]

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(seat.member for seat in self.seats)

    @property
    def asked(self) -> str:
        """Whom a member asks when it runs as in the spec."""
        return " ".join(sorted(set(self.service.asks)))


def socket(seat: Seat) -> str:
    """Where chronyc finds this member's chronyd: there may be others on the host."""
    return f"{seat.run_dir}/chronyd.sock"


def health(clock: Clock, seat: Seat) -> Query[Standing]:
    """How far the clock is off, from whom that is known, and who is asked."""
    argv = ("chronyc", "-h", socket(seat), "-c", "-N", "-m", "tracking", "sources")
    return Query(argv, lambda answer: standing(answer, clock.service.local is not None))


_FIELDS = 14  # of "tracking"; "sources" has ten
_STRATUM, _OFFSET, _LEAP = 2, 4, 13
_STATE, _NAME, _REACH = 1, 2, 5


def standing(answer: Answer, alone: bool) -> Standing:
    """What chronyc's two reports come to. `alone`: its own clock is a source of last resort."""
    rows = [line.split(",") for line in answer.stdout.splitlines() if line]
    if answer.exit != 0 or not rows or len(rows[0]) < _FIELDS:
        said = [*answer.stdout.splitlines(), *answer.stderr.splitlines()]
        return Standing("unknown", ready=False, reason=said[0] if said else "no answer")
    tracking, sources = rows[0], rows[1:]
    chosen = next((row[_NAME] for row in sources if row[_STATE] == "*"), "")
    offset = abs(float(tracking[_OFFSET]))
    details = {
        "offset": f"{offset:.6f}",
        "stratum": tracking[_STRATUM],
        "source": chosen or ("its own clock" if alone else ""),
        CHANGED: " ".join(sorted({row[_NAME] for row in sources})),
    }
    reason = _trouble(tracking, sources, offset)
    return Standing("replica", not reason, reason, following=chosen, details=details)


def _trouble(tracking: list[str], sources: list[list[str]], offset: float) -> str:
    """Why the clock can't be called right; "" when it can."""
    if tracking[_LEAP] == "Not synchronised":
        silent = sorted({row[_NAME] for row in sources if int(row[_REACH], 8) == 0})
        heard = [row for row in sources if int(row[_REACH], 8)]
        if not heard:
            return f"none of its sources answers: {', '.join(silent) or 'it has none'}"
        if any(row[_STATE] == "x" for row in heard):
            return "its sources contradict each other"
        return "it still measures its sources"
    return "" if offset < CLOSE else f"its clock is off by {offset:.3f} s"


def reason_of(standings: Mapping[tuple[str, str], Standing], member: str) -> str:
    """Why a member's clock is not right; "" when it is."""
    found = standings.get((member, CHRONY))
    if found is None:
        return f"{member} does not answer"
    return "" if found.ready else f"{member}: {found.reason}"
