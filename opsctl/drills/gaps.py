"""Cut-offs: times without an acknowledged write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from opsctl.drills.document import Document


@dataclass(frozen=True, slots=True)
class Gap:
    """From the last acknowledgement before to the first one after, of the writer that waited
    longest. `open`: none came before the run ended. `stalled`: how many of its seconds the
    client's own machine stood still."""

    begin: float
    end: float
    open: bool = False
    stalled: float = 0.0

    @property
    def seconds(self) -> float:
        return self.end - self.begin


def gaps(document: Document) -> tuple[Gap, ...]:
    """All longer than the client's floor, in order. Before its first acknowledgement a writer has
    none; several writers' that overlap are one cut-off, the longest of them."""
    found = sorted(
        (gap for writer in range(document.writers) for gap in _of(document, writer)),
        key=lambda gap: gap.begin,
    )
    merged: list[Gap] = []
    reach = 0.0  # the end of all that the last one stands for
    for gap in found:
        if merged and gap.begin < reach:
            merged[-1] = max(merged[-1], gap, key=lambda each: (each.seconds, each.open))
        else:
            merged.append(gap)
        reach = max(reach, gap.end)
    return tuple(merged)


def _of(document: Document, writer: int) -> Iterator[Gap]:
    ended = [one.ended for one in document.attempts if one.writer == writer and one.outcome == "ok"]
    if not ended:
        return
    served = sorted(ended)
    # The run's end closes a gap only if a write was due in it that was not acknowledged.
    unserved = [
        one.ended
        for one in document.attempts
        if one.writer == writer and one.outcome != "ok" and one.ended > served[-1]
    ]
    pairs = [(begin, end, False) for begin, end in pairwise(served)]
    if unserved:
        pairs.append((served[-1], max(unserved), True))
    for begin, end, is_open in pairs:
        if end - begin > document.gap_floor:
            yield Gap(begin, end, is_open, _overlap(document.stalls, begin, end))


def _overlap(stalls: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    return sum(max(0.0, min(end, began + length) - max(begin, began)) for began, length in stalls)
