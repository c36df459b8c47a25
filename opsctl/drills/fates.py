"""What became of each write: the record of the client beside what the service had in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from opsctl.drills.client.core import Attempt
from opsctl.drills.document import Document

_SHOWN = 20  # numbers of lost writes that are kept for people


@dataclass(frozen=True, slots=True)
class Fates:
    """Counts over all writers. Only acknowledged writes can be lost, come twice or be reordered.

    `reordered`: stand behind one that was acknowledged after them. `lost_span`: seconds from when
    the first lost one was sent until the last one was acknowledged, of the writer that lost most.
    """

    acknowledged: int
    lost: int
    lost_span: float
    lost_first: tuple[tuple[int, int], ...]  # (writer, number) of the first ones
    duplicated: int
    reordered: int
    unanswered: int
    unanswered_written: int  # not a loss, nor a lie: nobody was told either way
    refused_written: int  # the server said no, or was never asked, and yet they are there
    strangers: int  # in the service, but never written by this run


def fates(document: Document) -> Fates | None:
    """None when there is nothing to compare with."""
    if document.mode != "write" or document.read_back is None:
        return None
    parts = [
        _of([one for one in document.attempts if one.writer == writer], found)
        for writer, found in enumerate(document.read_back)
    ]
    return Fates(
        acknowledged=sum(part.acknowledged for part in parts),
        lost=sum(part.lost for part in parts),
        lost_span=max((part.lost_span for part in parts), default=0.0),
        lost_first=tuple(one for part in parts for one in part.lost_first)[:_SHOWN],
        duplicated=sum(part.duplicated for part in parts),
        reordered=sum(part.reordered for part in parts),
        unanswered=sum(part.unanswered for part in parts),
        unanswered_written=sum(part.unanswered_written for part in parts),
        refused_written=sum(part.refused_written for part in parts),
        strangers=sum(part.strangers for part in parts),
    )


def _of(attempts: Sequence[Attempt], found: Sequence[int]) -> Fates:
    """The fates of one writer's writes."""
    times = Counter(found)
    ok = [one for one in attempts if one.outcome == "ok"]
    lost = [one for one in ok if not times[one.seq]]
    unknown = [one.seq for one in attempts if one.outcome == "unknown"]
    refused = [one.seq for one in attempts if one.outcome == "error"]
    tried = {one.seq for one in attempts}
    return Fates(
        acknowledged=len(ok),
        lost=len(lost),
        lost_span=_span(lost),
        lost_first=tuple((one.writer, one.seq) for one in lost[:_SHOWN]),
        duplicated=sum(times[one.seq] > 1 for one in ok),
        reordered=_reordered([one.seq for one in sorted(ok, key=_acknowledged)], found),
        unanswered=len(unknown),
        unanswered_written=sum(times[seq] > 0 for seq in unknown),
        refused_written=sum(times[seq] > 0 for seq in refused),
        strangers=sum(seq not in tried for seq in times),
    )


def _acknowledged(one: Attempt) -> tuple[float, int]:
    return one.ended, one.seq


def _span(lost: Sequence[Attempt]) -> float:
    if not lost:
        return 0.0
    sent = min(one.due if one.sent is None else one.sent for one in lost)
    return max(one.ended for one in lost) - sent


def _reordered(acknowledged: Sequence[int], found: Sequence[int]) -> int:
    """How many stand, where they are found first, behind one acknowledged after them."""
    place = {seq: at for at, seq in enumerate(acknowledged)}
    seen = dict.fromkeys(found)  # keeps the order of the first appearances
    count, furthest = 0, -1
    for at in (place[seq] for seq in seen if seq in place):
        count += at < furthest
        furthest = max(furthest, at)
    return count
