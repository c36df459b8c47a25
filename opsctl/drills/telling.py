"""A report's facts as rows of words: the same in Markdown, HTML and on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from opsctl.drills.report import Report
from opsctl.drills.timeline import WORDS, Event, Stage
from opsctl.drills.words import count, length

NONE = "–"


class Fact(NamedTuple):
    """One figure. `grave`: it is bad whatever was promised."""

    name: str
    value: str
    note: str = ""
    grave: bool = False


def day(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def headline(report: Report) -> str:
    """The result and its main reason, in one line; without one, what clients felt."""
    verdict = report.verdict
    if verdict.result in ("failed", "no result") and verdict.reasons:
        return f"{verdict.result.upper()}: {verdict.reasons[0]}"
    return f"{verdict.result.upper()}: clients were {_felt(report)}."


def more(report: Report) -> tuple[str, ...]:
    """The sentences that stand below the headline."""
    verdict = report.verdict
    said = 1 if verdict.result in ("failed", "no result") else 0
    return (*verdict.reasons[said:], *verdict.remarks)


def _felt(report: Report) -> str:
    gap, fates = report.measurement.longest, report.measurement.fates
    felt = "never cut off"
    if gap:
        felt = f"cut off for {length(gap.seconds)}" + (" and still are" if gap.open else "")
    if fates is None:
        return felt
    return felt + (f", {count(fates.lost, 'write')} lost" if fates.lost else ", nothing lost")


def facts(report: Report) -> Iterator[Fact]:
    """What was felt, the gravest first."""
    measured = report.measurement
    gap, fates = measured.longest, measured.fates
    best, worst = measured.resolution
    told = f"exact to {length(best)}, or {length(worst)} where packets vanish"
    if gap is None:
        yield Fact("cut off", "never", f"no longer than {length(measured.floor)}")
    else:
        over = "not over when the run ended" if gap.open else told
        yield Fact("cut off", length(gap.seconds), over, gap.open)
    if fates is None:
        yield Fact("lost", NONE, "not known")
    else:
        spread = f"made within {length(fates.lost_span)}" if fates.lost else ""
        yield Fact("lost", f"{fates.lost:,}", spread or _of(fates.acknowledged), fates.lost > 0)
        if report.lost_after_switch:
            yield Fact("lost later", f"{report.lost_after_switch:,}",
                       "of them after the route had switched", True)  # fmt: skip
        yield Fact("duplicated", f"{fates.duplicated:,}", "sent once, there twice",
                   fates.duplicated > 0)  # fmt: skip
        yield Fact("reordered", f"{fates.reordered:,}", "not in the order acknowledged",
                   fates.reordered > 0)  # fmt: skip
        be = "is" if fates.unanswered_written == 1 else "are"
        there = f"{fates.unanswered_written:,} of them {be} there" if fates.unanswered else ""
        yield Fact("unanswered", f"{fates.unanswered:,}", there or "no write was left in doubt")
    yield Fact("served", f"{measured.served:.2%}", "of the writes due since the strike")


def _of(acknowledged: int) -> str:
    return f"of {count(acknowledged, 'acknowledged write')}"


def stage_rows(report: Report) -> Iterator[tuple[str, str, str, str, str]]:
    """(phase, since the strike, since the phase before, where, words)."""
    for stage in report.stages:
        if stage.since_strike is None and stage.phase == "moved":
            continue  # an address moves only in some faults
        if stage.since_strike is None:
            yield WORDS[stage.phase], NONE, NONE, "", "no sign of it was seen"
            continue
        yield (
            WORDS[stage.phase],
            _since(stage),
            NONE if stage.since_previous is None else f"+{length(max(0.0, stage.since_previous))}",
            stage.where,
            stage.words,
        )


def _since(stage: Stage) -> str:
    doubt = f" ± {length(stage.uncertainty)}" if stage.uncertainty >= 0.0005 else ""
    return f"{length(stage.since_strike or 0.0)}{doubt}"


def event_rows(report: Report) -> Iterator[tuple[str, str, str, str]]:
    """(since the strike, where, phase, words)."""
    for event in report.events:
        yield relative(report, event), event.where, WORDS[event.phase], event.words


def relative(report: Report, event: Event) -> str:
    zero = report.wall + (report.strike or 0.0)
    return f"{event.at - zero:+.2f} s"


def latency_rows(report: Report) -> Iterator[tuple[str, str, str, str, str]]:
    """(when, median, 95%, 99%, slowest) in milliseconds."""
    measured = report.measurement
    for name, each in (("before", measured.latency_before), ("since", measured.latency)):
        if each:
            p50, p95, p99, slowest = (f"{ms:g}" for ms in (each.p50, each.p95, each.p99, each.max))
            yield f"{name} the strike", p50, p95, p99, slowest


def kept_word(kept: bool | None) -> str:
    return {True: "kept", False: "broken", None: "not known"}[kept]


def about(report: Report) -> str:
    """What was done to what, in one sentence."""
    subject = report.subject
    lasting = f", for {report.seconds:g} s" if report.seconds else ""
    return (
        f"{report.fault}: {report.fault_words}{lasting}. Service {subject.service} "
        f"({subject.engine}) of {subject.environment} on {subject.target}, through "
        f"{subject.route}, from {report.machine}."
    )
