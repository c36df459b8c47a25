"""Whether the service kept what its clients are promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsctl.drills.document import Document
from opsctl.drills.gaps import Gap
from opsctl.drills.measure import Measurement
from opsctl.drills.words import count, length
from opsctl.model.services import Slo

Result = Literal["passed", "failed", "no result", "no slo"]
_MONTH = 30 * 86_400.0  # seconds that an availability is counted over


@dataclass(frozen=True, slots=True)
class Check:
    """One promise beside what was measured; `kept` is None when that can't be said."""

    name: str
    promised: str
    measured: str
    kept: bool | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whole sentences: `reasons`, the gravest first, and `remarks`, which decide nothing."""

    result: Result
    checks: tuple[Check, ...] = ()
    reasons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def judge(
    document: Document, measured: Measurement, slo: Slo | None, *, can_lose_nothing: bool = True
) -> Verdict:
    """`can_lose_nothing`: the engine can promise that no acknowledged write is ever lost."""
    if document.outcome != "served":
        words = {"never-served": "at all", "unsteady": "without a break"}[document.outcome]
        return Verdict("no result", (), (f"The client was not served {words} before the fault.",))
    remarks = _remarks(document, measured)
    if slo is None or (slo.rto is None and slo.rpo is None and slo.availability is None):
        return Verdict("no slo", (), ("No slo, so neither passed nor failed.",), remarks)
    checks = (
        *_rto(measured, slo),
        *_rpo(document, measured, slo, can_lose_nothing),
        *_availability(measured, slo),
    )
    reasons = tuple(check.reason for check in checks if check.reason)
    result: Result = "passed"
    if any(check.kept is False for check in checks):
        result = "failed"
    elif any(check.kept is None for check in checks):
        result = "no result"
    return Verdict(result, checks, reasons, remarks)


def _rto(measured: Measurement, slo: Slo) -> tuple[Check, ...]:
    if slo.rto is None:
        return ()
    promised, gap = slo.rto.milliseconds / 1000, measured.longest
    limit = f"at most {slo.rto}"
    if gap is None:
        return (Check("rto", limit, "no cut-off", True),)
    took = length(gap.seconds) + (" and not over" if gap.open else "")
    if gap.seconds <= promised:
        # A run that ends in a cut-off shorter than promised shows neither.
        why = "The run ended in a cut-off: how long it lasts is not known." if gap.open else ""
        return (Check("rto", limit, took, None if gap.open else True, why),)
    if gap.seconds - gap.stalled <= promised:
        why = (
            f"The cut-off of {took} can't be laid on the service: the client's own machine "
            f"stood still for {length(gap.stalled)} of it."
        )
        return (Check("rto", limit, took, None, why),)
    why = f"Clients were cut off for {took}; {slo.rto} is promised."
    return (Check("rto", limit, took, False, why),)


def _rpo(
    document: Document, measured: Measurement, slo: Slo, can_lose_nothing: bool
) -> tuple[Check, ...]:
    if slo.rpo is None or document.mode == "read":
        return ()
    promised, fates = slo.rpo.milliseconds / 1000, measured.fates
    limit = f"the last {slo.rpo}" if promised else "nothing"
    if fates is None:
        why = f"Nothing could be read back ({document.read_back_problem}), so losses are unknown."
        return (Check("rpo", limit, "not known", None, why),)
    if not fates.lost:
        return (Check("rpo", limit, "nothing lost", True),)
    lost = f"{count(fates.lost, 'write')}, made within {length(fates.lost_span)}"
    if promised and fates.lost_span <= promised:
        return (Check("rpo", limit, lost, True),)
    why = f"Acknowledged writes were lost: {lost}; " + (
        f"{limit} may be." if promised else "none may be."
    )
    if not promised and not can_lose_nothing:
        why += " This engine can't promise that none ever is."
    return (Check("rpo", limit, lost, False, why),)


def _availability(measured: Measurement, slo: Slo) -> tuple[Check, ...]:
    """One drill says nothing of a month, unless it uses up all that the month allows."""
    if slo.availability is None:
        return ()
    budget = (100 - slo.availability) / 100 * _MONTH
    away = sum(gap.seconds for gap in measured.gaps)
    used = f"{length(away)} cut off, {away / budget:.1%} of what 30 days allow"
    limit = f"{slo.availability:g}% of 30 days, so at most {length(budget)} away"
    why = "" if away <= budget else f"One such fault uses up more than a month allows: {used}."
    return (Check("availability", limit, used, away <= budget, why),)


def _remarks(document: Document, measured: Measurement) -> tuple[str, ...]:
    """What people should know, promised or not."""
    said: list[str] = []
    if any(gap.open for gap in measured.gaps):
        said.append("The service still did not serve when the run ended.")
    fates = measured.fates
    if fates and fates.reordered:
        said.append(f"In another order than acknowledged: {count(fates.reordered, 'write')}.")
    if fates and fates.duplicated:
        said.append(f"Sent once and there twice: {count(fates.duplicated, 'write')}.")
    if fates and fates.refused_written:
        said.append(f"Refused and yet there: {count(fates.refused_written, 'write')}.")
    if fates is None and document.mode == "write":
        said.append("Nothing could be read back, so losses are not known.")
    if measured.gaps_before:
        before = sum(map(_seconds, measured.gaps_before))
        said.append(f"Before the fault, too, clients were cut off for {length(before)}.")
    if measured.stalls:
        longest = max(seconds for _, seconds in measured.stalls)
        said.append(f"The client's own machine stood still, for up to {length(longest)}.")
    if not document.cleaned:
        said.append("The drill's keys could not be removed; the service drops them by itself.")
    return tuple(said)


def _seconds(gap: Gap) -> float:
    return gap.seconds
