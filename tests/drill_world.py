"""A drill that was never run, with one of everything that a report must show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opsctl.drills.client.core import Attempt
from opsctl.drills.document import Document
from opsctl.drills.faults import fault
from opsctl.drills.report import Report, Subject, report
from opsctl.drills.timeline import Event, LogLine, Offset, merged, spotted
from opsctl.model.services import Slo
from opsctl.workload.parts import Sign

WALL = 1_800_000_000.0
SIGNS = (
    Sign(r"\+sdown master (?P<name>\S+)", "detected", "{name} is silent"),
    Sign(r"\+switch-master \S+ \S+ \S+ (?P<to>\S+)", "elected", "{to} is elected"),
    Sign(r"Server \S+/(?P<to>\S+) is UP", "switched", "{to} takes writes"),
)
SUBJECT = Subject("shop", "sessions", "redis", "dc", "10.0.0.9:6379", "mara@build-7")


def document(attempts: Iterable[Attempt], **more: Any) -> Document:
    """A run of `attempts` that was read back in full unless `more` says otherwise."""
    rows = tuple(attempts)
    ended = max((one.ended for one in rows), default=0.0)
    known: dict[str, Any] = {
        "run": "r1",
        "outcome": "served",
        "mode": "write",
        "machine": "n3",
        "wall": WALL,
        "ready": 3.0,
        "ended": ended,
        "writers": 1,
        "period": 0.01,
        "timeout": 0.5,
        "gap_floor": 0.1,
        "attempts": rows,
        "read_back": (tuple(one.seq for one in rows if one.outcome == "ok"),),
        "read_back_at": ended + 0.02,
    }
    return Document(**known | more)


def outage(begin: float = 4.0, end: float = 6.2, total: float = 10.0) -> list[Attempt]:
    """Ten milliseconds apart; the primary vanishes at `begin`, another one serves from `end` on."""
    attempts = []
    for seq in range(round(total * 100)):
        due = seq / 100
        slow = 0.0008 + seq % 7 * 0.0001 + (0.006 if seq % 97 == 0 else 0)
        if due < begin or due >= end:
            attempts.append(Attempt(0, seq, due, due, round(due + slow, 5), "ok"))
        elif round((due - begin) * 100) % 52 == 0 and due < begin + 1.2:
            attempts.append(Attempt(0, seq, due, due, round(due + 0.5, 5), "unknown", "timeout"))
        else:
            kind = "connect: timeout" if due < end - 0.6 else "connect: ECONNREFUSED"
            attempts.append(Attempt(0, seq, due, None, round(due + 0.5, 5), "error", kind))
    return attempts


def logs() -> list[LogLine]:
    """n2's clock is 40 ms ahead."""
    strike = WALL + 4.0
    return [
        LogLine(strike - 60, "n2", "+sdown master sessions 10.0.0.1 6379"),
        LogLine(strike + 1.14, "n2", "+sdown master sessions 10.0.0.1 6379 <odd & words>"),
        LogLine(strike + 1.18, "n3", "+sdown master sessions 10.0.0.1 6379"),
        LogLine(strike + 1.92, "n2", "+switch-master sessions 10.0.0.1 6379 10.0.0.2 6379"),
        LogLine(strike + 1.95, "n3", "nothing of note"),
        LogLine(strike + 2.11, "n3", "Server redis/sessions-1 is UP, reason: Layer7 check passed"),
        LogLine(strike + 2.13, "n3", "Server redis/sessions-1 is UP, reason: by its own word"),
        LogLine(strike + 2.12, "n1", "Server redis/sessions-1 is UP, reason: Layer7 check passed"),
    ]


def events() -> tuple[Event, ...]:
    struck = Event(WALL + 3.998, "n1", "strike", "the primary's host loses its power", 0.002)
    return merged((struck, *spotted(logs(), SIGNS)), {"n2": Offset(0.04, 0.003)})


def lossy() -> Document:
    """Three acknowledged writes are gone; one that nobody was told of is there."""
    attempts = outage()
    acknowledged = [one.seq for one in attempts if one.outcome == "ok"]
    gone = {397, 398, 399}
    back = (*(seq for seq in acknowledged if seq not in gone), 400)
    back = (*back[:50], back[51], back[50], back[51], *back[52:])  # one late, one twice
    return document(attempts, read_back=(back,), stalls=((5.0, 0.08),))


def failed(**slo: Any) -> Report:
    promised = Slo.model_validate(slo or {"rto": "2s", "rpo": "1s", "availability": 99.95})
    return report(
        "d7f3a", SUBJECT, fault("primary-host"), lossy(), events(), promised,
        can_lose_nothing=False,
        notes=("n1 came back after 21 s and follows sessions-1.",),
    )  # fmt: skip


def passed() -> Report:
    """A planned switchover: hardly felt, nothing lost."""
    attempts = outage(4.05, 4.35, 9.0)
    struck = Event(WALL + 4.0, "n1", "strike", "the primary is moved on purpose")
    slo = Slo.model_validate({"rto": "2s", "rpo": 0})
    return report("d7f3b", SUBJECT, fault("switchover"), document(attempts), (struck,), slo)
