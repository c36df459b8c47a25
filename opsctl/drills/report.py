"""A drill's report as one value, from which every form is made. JSON both ways."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from opsctl.drills.document import Document
from opsctl.drills.faults import Fault
from opsctl.drills.measure import Measurement, measure
from opsctl.drills.timeline import Event, Stage, stages
from opsctl.drills.verdict import Verdict, judge
from opsctl.errors import OpsError
from opsctl.model.services import Slo

if TYPE_CHECKING:
    from pydantic import TypeAdapter

VERSION = 1
BIN = 0.05  # seconds


@dataclass(frozen=True, slots=True)
class Bin:
    """The writes that were due within BIN seconds from `at`, in seconds of the client's run."""

    at: float
    ok: int
    refused: int
    unanswered: int
    worst: float  # milliseconds, the slowest acknowledged one


@dataclass(frozen=True, slots=True)
class Subject:
    """What was drilled: the spec's names, and the route's address as the client was given it."""

    environment: str
    service: str
    engine: str
    target: str
    route: str
    by: str = ""  # who ran it


@dataclass(frozen=True, slots=True)
class Report:
    """All of a drill. `strike` is in seconds of the client's run; `wall` the epoch at its zero, by
    the clock that the events go by."""

    version: int
    drill: str
    subject: Subject
    fault: str
    fault_words: str
    felt: str
    seconds: float  # how long the fault lasted; 0: until it came back by itself
    wall: float
    strike: float | None
    ended: float
    machine: str  # where the client ran
    writers: int
    period: float
    verdict: Verdict
    measurement: Measurement
    stages: tuple[Stage, ...]
    events: tuple[Event, ...]
    bins: tuple[Bin, ...]
    notes: tuple[str, ...] = ()
    # Acknowledged writes that were sent after the route led to the new primary, and are not there:
    # somebody else took them. None: no switch was seen, or nothing could be read back.
    lost_after_switch: int | None = None


def report(
    drill: str,
    subject: Subject,
    fault: Fault,
    document: Document,
    events: Sequence[Event],
    slo: Slo | None,
    *,
    ahead: float = 0.0,
    seconds: float = 0.0,
    can_lose_nothing: bool = True,
    notes: Sequence[str] = (),
) -> Report:
    """Puts all together. `events` are merged and by our clock; the client's clock is `ahead` of it.

    The first write served is told by the client: that event is added here.
    """
    wall = document.wall - ahead
    strike = _strike(events, wall)
    measured = measure(document, strike)
    told = _told(document, events, measured, wall)
    verdict = judge(document, measured, slo, can_lose_nothing=can_lose_nothing)
    return Report(
        version=VERSION,
        drill=drill,
        subject=subject,
        fault=fault.name,
        fault_words=fault.words,
        felt=fault.felt,
        seconds=seconds or fault.seconds,
        wall=wall,
        strike=strike,
        ended=document.ended,
        machine=document.machine,
        writers=document.writers,
        period=document.period,
        verdict=verdict if strike is not None else _nothing_struck(verdict),
        measurement=measured,
        stages=stages(told),
        events=told,
        bins=_bins(document),
        notes=tuple(notes),
        lost_after_switch=_lost_after_switch(document, told, wall, strike),
    )


def _strike(events: Sequence[Event], wall: float) -> float | None:
    """Seconds from `wall` to the first strike."""
    return next((one.at - wall for one in events if one.phase == "strike"), None)


def _told(
    document: Document, events: Sequence[Event], measured: Measurement, wall: float
) -> tuple[Event, ...]:
    """The run's events in their order. Logs are fetched with some lines to spare: what was before
    the run is not the drill's."""
    mine = (*(one for one in events if one.at >= wall), *_served(document, measured, wall))
    return tuple(sorted(mine, key=lambda one: one.at))


def _nothing_struck(verdict: Verdict) -> Verdict:
    if verdict.result not in ("passed", "failed"):
        return verdict
    return replace(verdict, result="no result", reasons=("Nothing was struck.",))


def _lost_after_switch(
    document: Document, events: Sequence[Event], wall: float, strike: float | None
) -> int | None:
    # Before anybody was elected, a route that "switches" only leads back to the old primary.
    after = [one for one in events if strike is not None and one.at - wall > strike]
    elected = next((one.at for one in after if one.phase == "elected"), None)
    switched = next(
        (one for one in after if one.phase == "switched" and elected and one.at >= elected), None
    )
    if switched is None or document.read_back is None or document.mode != "write":
        return None
    since = switched.at + switched.uncertainty - wall
    there = [frozenset(found) for found in document.read_back]
    return sum(
        one.outcome == "ok"
        and one.sent is not None
        and one.sent > since
        and one.seq not in there[one.writer]
        for one in document.attempts
    )


def _served(document: Document, measured: Measurement, wall: float) -> tuple[Event, ...]:
    gap = measured.longest
    if gap is None or gap.open:
        return ()
    return (Event(wall + gap.end, document.machine, "served", "the client is served again"),)


def _bins(document: Document) -> tuple[Bin, ...]:
    counts: dict[int, list[float]] = {}
    for one in document.attempts:
        mine = counts.setdefault(int(one.due / BIN + 1e-6), [0, 0, 0, 0.0])
        mine[("ok", "error", "unknown").index(one.outcome)] += 1
        if one.outcome == "ok":
            mine[3] = max(mine[3], (one.ended - one.due) * 1000)
    return tuple(
        Bin(round(at * BIN, 3), int(ok), int(refused), int(unanswered), round(worst, 2))
        for at, (ok, refused, unanswered, worst) in sorted(counts.items())
    )


@cache
def _adapter() -> TypeAdapter[Report]:
    from pydantic import TypeAdapter

    return TypeAdapter(Report)


def to_json(value: Report) -> str:
    return _adapter().dump_json(value, indent=1).decode() + "\n"


def from_json(text: str) -> Report:
    """Raises drills/report for what is no report, or one of another version."""
    from pydantic import ValidationError

    try:
        version = json.loads(text).get("version")
    except (ValueError, AttributeError):
        raise OpsError("drills/report", "this is no report of a drill") from None
    if version != VERSION:
        raise OpsError("drills/report", f"a report of version {version}; {VERSION} is read here")
    try:
        return _adapter().validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise OpsError("drills/report", f"{place}: {first['msg']}") from None
