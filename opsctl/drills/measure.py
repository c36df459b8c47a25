"""What the client's record says: for how long it was cut off, what was lost, how slow it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from opsctl.drills.client.core import Attempt
from opsctl.drills.document import Document
from opsctl.drills.fates import Fates, fates
from opsctl.drills.gaps import Gap, gaps


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from when a write was due until it was acknowledged."""

    p50: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """Everything counted. Times are in seconds since the client's run began.

    `served` is the share of writes due since the strike that were acknowledged. `resolution` is
    how finely a cut-off can be told: a client writes only so often, and waits so long for an answer
    or a connection before it tries again.
    """

    due: int
    acknowledged: int
    refused: int  # surely not written
    unanswered: int  # sent, and no answer came
    errors: tuple[tuple[str, int], ...]  # (kind, how often), most first
    served: float  # 0 to 1
    latency: Latency | None  # of acknowledged writes since the strike
    latency_before: Latency | None  # up to it
    gaps: tuple[Gap, ...]  # those that ended after the strike, in order
    gaps_before: tuple[Gap, ...]
    fates: Fates | None  # None: nothing could be read back, or nothing was written
    stalls: tuple[tuple[float, float], ...]
    resolution: tuple[float, float]  # at best, at worst
    floor: float  # no shorter time without an acknowledgement is a cut-off

    @property
    def longest(self) -> Gap | None:
        """The longest cut-off since the strike."""
        return max(self.gaps, key=lambda gap: gap.seconds, default=None)


def measure(document: Document, strike: float | None = None) -> Measurement:
    """Counts `document`. `strike` is in seconds of its run; None counts all from the start."""
    begin = strike or 0.0
    cut_offs = gaps(document)
    since = [one for one in document.attempts if one.due >= begin]
    before = [one for one in document.attempts if one.due < begin]
    outcomes = Counter(one.outcome for one in document.attempts)
    kinds = Counter(one.kind for one in document.attempts if one.outcome != "ok")
    ok = sum(one.outcome == "ok" for one in since)
    return Measurement(
        due=len(document.attempts),
        acknowledged=outcomes["ok"],
        refused=outcomes["error"],
        unanswered=outcomes["unknown"],
        errors=tuple(sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))),
        served=ok / len(since) if since else 0.0,
        latency=_latency(since),
        latency_before=_latency(before),
        gaps=tuple(gap for gap in cut_offs if gap.end > begin),
        gaps_before=tuple(gap for gap in cut_offs if gap.end <= begin),
        fates=fates(document),
        stalls=document.stalls,
        resolution=(document.period, document.period + document.timeout),
        floor=document.gap_floor,
    )


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all values don't exceed."""
    rank = -int(-share * len(ordered) // 1)  # rounded up
    return ordered[max(0, min(len(ordered), rank) - 1)]


def _latency(attempts: list[Attempt]) -> Latency | None:
    took = sorted((one.ended - one.due) * 1000 for one in attempts if one.outcome == "ok")
    if not took:
        return None
    p50, p95, p99 = (round(percentile(took, share), 2) for share in (0.5, 0.95, 0.99))
    return Latency(p50, p95, p99, round(took[-1], 2))
