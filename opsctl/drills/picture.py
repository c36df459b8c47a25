"""Where everything of a report's picture goes: plain coordinates, drawn by the page's template.

Three bands share one axis of time: how many writes were answered, how long the answers took, and
one lane for each host with what its logs told. The picture shows the time around the fault; a run
that goes on quietly for a minute does not make the second that matters a sliver.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsctl.drills.report import BIN, Bin, Report
from opsctl.drills.timeline import STAGES, WORDS
from opsctl.drills.words import length

WIDTH, LEFT, RIGHT = 1000.0, 124.0, 16.0
LABELS = 18.0  # height of one row of phase labels
RATE, LATENCY, LANE = 90.0, 84.0, 26.0  # heights
SPACE = 26.0
MARK = 9.0  # half the room of a mark
_AROUND = (1.0, 2.0)  # seconds shown before the strike and after the end of the last cut-off
_COLUMNS = 220  # at most so many bars
_LETTER = 6.9  # width of a letter of a label
_NAME = 17  # letters of a host's name that fit


@dataclass(frozen=True, slots=True)
class Bar:
    """Answered, refused and unanswered writes of one moment: heights from the ground up."""

    x: float
    width: float
    ok: float
    refused: float
    unanswered: float
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A dot, a line or a label."""

    x: float
    y: float
    words: str = ""
    kind: str = ""
    number: int = 0
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Shade:
    x: float
    width: float
    words: str


@dataclass(frozen=True, slots=True)
class Lane:
    name: str
    y: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    height: float
    rate_ground: float
    latency_top: float
    latency_ground: float
    lanes_end: float
    bars: tuple[Bar, ...]
    dots: tuple[Mark, ...]
    shades: tuple[Shade, ...]
    phases: tuple[Mark, ...]  # vertical lines; y is the label's
    ticks: tuple[Mark, ...]
    scale: tuple[Mark, ...]  # of the latency band
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class _Axis:
    """Time to x. Times are in seconds of the run."""

    begin: float
    end: float

    def x(self, at: float) -> float:
        share = (at - self.begin) / (self.end - self.begin)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def shows(self, at: float) -> bool:
        return self.begin <= at <= self.end


def picture(report: Report) -> Picture | None:
    """None when the client wrote nothing."""
    if not report.bins:
        return None
    axis = _axis(report)
    phases, rows = _phases(report, axis)
    top = rows * LABELS + 8
    rate_ground = top + RATE
    latency_top = rate_ground + SPACE
    latency_ground = latency_top + LATENCY
    lanes = _lanes(report, axis, latency_ground + SPACE)
    lanes_end = max([each.y for lane in lanes for each in lane.marks] + [lane.y for lane in lanes]
                    or [latency_ground]) + LANE / 2  # fmt: skip
    bins = _coarse([each for each in report.bins if axis.shows(each.at)], axis)
    slowest = max((each.worst for each in bins), default=1.0)
    scale = _Scale(max(10.0, slowest), latency_ground)
    return Picture(
        height=lanes_end + 34,
        rate_ground=rate_ground,
        latency_top=latency_top,
        latency_ground=latency_ground,
        lanes_end=lanes_end,
        bars=tuple(_bars(bins, axis, report)),
        dots=tuple(
            Mark(axis.x(min(one.at + BIN / 2, axis.end)), scale.y(one.worst), f"{one.worst:g} ms")
            for one in bins if one.ok
        ),
        shades=tuple(_shades(report, axis)),
        phases=phases,
        ticks=tuple(_ticks(axis, report.strike or 0.0, lanes_end + 16)),
        scale=scale.marks(),
        lanes=lanes,
    )  # fmt: skip


def _axis(report: Report) -> _Axis:
    last = report.bins[-1].at + BIN
    if report.strike is None:
        return _Axis(0.0, last)
    told = [one.at - report.wall for one in report.events if one.phase in STAGES]
    ends = [gap.end for gap in report.measurement.gaps] + told + [report.strike]
    shown = [each for each in ends if each <= last] or [last]
    return _Axis(
        max(0.0, report.strike - _AROUND[0]), min(last, max(max(shown), report.strike) + _AROUND[1])
    )


def _coarse(bins: Sequence[Bin], axis: _Axis) -> list[Bin]:
    """Bins put together, so that there are no more than fit."""
    step = max(1, math.ceil((axis.end - axis.begin) / BIN / _COLUMNS))
    groups: dict[int, list[Bin]] = {}
    for each in bins:
        groups.setdefault(round(each.at / BIN) // step, []).append(each)
    return [
        Bin(
            at * step * BIN,
            sum(each.ok for each in group),
            sum(each.refused for each in group),
            sum(each.unanswered for each in group),
            max(each.worst for each in group),
        )
        for at, group in sorted(groups.items())
    ]


def _bars(bins: Sequence[Bin], axis: _Axis, report: Report) -> Iterator[Bar]:
    most = max((each.ok + each.refused + each.unanswered for each in bins), default=1)
    step = bins[1].at - bins[0].at if len(bins) > 1 else BIN
    for each in bins:
        x, end = max(LEFT, axis.x(each.at)), min(WIDTH - RIGHT, axis.x(each.at + step))
        ok, refused, unanswered = (
            round(value / most * RATE, 1) for value in (each.ok, each.refused, each.unanswered)
        )
        if x >= WIDTH - RIGHT - 1:
            continue
        at = f"{each.at - (report.strike or 0.0):+.2f} s"
        words = f"{at}: {each.ok} ok, {each.refused} refused, {each.unanswered} unanswered"
        yield Bar(x, round(max(1.0, end - x - 0.6), 1), ok, refused, unanswered, words)


def _shades(report: Report, axis: _Axis) -> Iterator[Shade]:
    for gap in (*report.measurement.gaps_before, *report.measurement.gaps):
        begin, end = max(gap.begin, axis.begin), min(gap.end, axis.end)
        if begin < end:
            x = axis.x(begin)
            yield Shade(x, round(axis.x(end) - x, 1), f"cut off for {length(gap.seconds)}")


def _phases(report: Report, axis: _Axis) -> tuple[tuple[Mark, ...], int]:
    """Lines with labels, and how many rows of labels there are.

    Each label is below all that reach over its line, for the line goes down through their rows.
    """
    free: list[float] = []  # by row: where the last label ends
    marks: list[Mark] = []
    for stage in report.stages:
        if stage.since_strike is None or not axis.shows((report.strike or 0) + stage.since_strike):
            continue
        x = axis.x((report.strike or 0.0) + stage.since_strike)
        after = f" +{length(stage.since_strike)}" if stage.since_strike else ""
        words = WORDS[stage.phase] + after
        wide = len(words) * _LETTER
        anchor = "end" if x + wide > WIDTH else "start"
        begin = x - wide if anchor == "end" else x
        row = max((at + 1 for at, end in enumerate(free) if end >= begin), default=0)
        free[row : row + 1] = [begin + wide + 8]
        marks.append(Mark(x, row * LABELS + 14, words, stage.phase, anchor=anchor))
    return tuple(marks), max(1, len(free))


def _lanes(report: Report, axis: _Axis, top: float) -> tuple[Lane, ...]:
    """Marks bear the number of their row in the table of events."""
    lanes: list[Lane] = []
    for name in sorted({event.where for event in report.events}):
        marks = tuple(_lane_marks(report, axis, name, top + LANE / 2))
        lanes.append(Lane(_short(name), top + LANE / 2, marks))
        top = max((mark.y for mark in marks), default=top + LANE / 2) + LANE / 2
    return tuple(lanes)


def _short(name: str) -> str:
    """Both ends of a name, for hosts of one kind differ in the last letters."""
    half = _NAME // 2
    return name if len(name) <= _NAME else f"{name[:half]}…{name[-half:]}"


def _lane_marks(report: Report, axis: _Axis, name: str, y: float) -> Iterator[Mark]:
    """Those that would hide each other stand one below the other."""
    free: list[float] = []
    for number, event in enumerate(report.events, 1):
        at = event.at - report.wall
        if event.where == name and axis.shows(at):
            x = axis.x(at)
            row = next((row for row, end in enumerate(free) if end < x - MARK), len(free))
            free[row : row + 1] = [x + MARK]
            yield Mark(x, y + row * 2 * MARK, event.words, event.phase, number)


def _ticks(axis: _Axis, strike: float, y: float) -> Iterator[Mark]:
    """Whole steps of seconds since the strike, about ten of them."""
    wanted = (axis.end - axis.begin) / 10
    step = next((each for each in (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60) if each >= wanted), 120)
    first = math.ceil((axis.begin - strike) / step)
    for number in range(first, math.floor((axis.end - strike) / step) + 1):
        yield Mark(axis.x(strike + number * step), y, f"{number * step:g} s")


@dataclass(frozen=True, slots=True)
class _Scale:
    """Milliseconds to y, by powers of ten: 1 ms and 1 s can be told in one band."""

    most: float
    ground: float

    def y(self, ms: float) -> float:
        share = math.log10(max(0.1, ms) / 0.1) / math.log10(self.most / 0.1)
        return round(self.ground - share * LATENCY, 1)

    def marks(self) -> tuple[Mark, ...]:
        powers = [0.1 * 10**power for power in range(6)]
        return tuple(
            Mark(LEFT - 6, self.y(ms), length(ms / 1000) if ms >= 1 else "0.1 ms")
            for ms in powers if ms <= self.most
        )  # fmt: skip
