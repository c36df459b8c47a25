"""What happened when, told by the logs of all hosts, the strike and the client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.workload.parts import Sign

Phase = Literal["strike", "detected", "elected", "moved", "switched", "served", "undone", "note"]

# In the order in which they are due. An address moves only in some faults.
STAGES: tuple[Phase, ...] = ("strike", "detected", "elected", "moved", "switched", "served")
WORDS: Mapping[Phase, str] = {
    "strike": "strike",
    "detected": "detected",
    "elected": "elected",
    "moved": "address moved",
    "switched": "route switched",
    "served": "first write served",
    "undone": "fault undone",
    "note": "",
}


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a component's log. `at` is the epoch as that host's clock has it."""

    at: float
    where: str
    text: str


@dataclass(frozen=True, slots=True)
class Offset:
    """How far a host's clock is ahead of ours, in seconds, give or take `uncertainty`."""

    ahead: float
    uncertainty: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `at` is the epoch by our clock, give or take `uncertainty`."""

    at: float
    where: str
    phase: Phase
    words: str
    uncertainty: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """When a phase was reached for the first time. Seconds; None: no event told of it."""

    phase: Phase
    since_strike: float | None = None
    since_previous: float | None = None
    uncertainty: float = 0.0
    where: str = ""
    words: str = ""


def spotted(lines: Iterable[LogLine], signs: Sequence[Sign]) -> Iterator[Event]:
    """The events that `signs` see in `lines`, times as written; one line is one event at most."""
    patterns = [(sign, re.compile(sign.pattern)) for sign in signs]
    for line in lines:
        for sign, pattern in patterns:
            if match := pattern.search(line.text):
                yield Event(line.at, line.where, sign.phase, _filled(sign.words, match))
                break


def merged(events: Iterable[Event], offsets: Mapping[str, Offset]) -> tuple[Event, ...]:
    """All in one order by our clock; a host without an offset is taken to agree with it."""
    return tuple(sorted((_corrected(one, offsets) for one in events), key=lambda one: one.at))


def stages(events: Sequence[Event]) -> tuple[Stage, ...]:
    """From the strike to the first write served.

    A phase counts from its first event after the strike, as far as the clocks can tell.
    """
    strike = next((one for one in events if one.phase == "strike"), None)
    if strike is None:
        return ()
    found: list[Stage] = [
        Stage("strike", 0.0, None, strike.uncertainty, strike.where, strike.words)
    ]
    previous = strike
    for phase in STAGES[1:]:
        first = next((one for one in events if one.phase == phase and _after(one, strike)), None)
        if first is None:
            found.append(Stage(phase))
            continue
        found.append(Stage(
            phase,
            first.at - strike.at,
            first.at - previous.at,
            first.uncertainty + strike.uncertainty,
            first.where,
            first.words,
        ))  # fmt: skip
        previous = first
    return tuple(found)


def _after(event: Event, strike: Event) -> bool:
    return event.at >= strike.at - strike.uncertainty - event.uncertainty


def _corrected(event: Event, offsets: Mapping[str, Offset]) -> Event:
    offset = offsets.get(event.where)
    if offset is None:
        return event
    return Event(
        event.at - offset.ahead,
        event.where,
        event.phase,
        event.words,
        event.uncertainty + offset.uncertainty,
    )


def _filled(words: str, match: re.Match[str]) -> str:
    for name, value in match.groupdict().items():
        words = words.replace("{" + name + "}", value or "")
    return words
