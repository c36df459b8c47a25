"""Counting: whatever became of the writes, the counts say just that."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drill_world import document
from opsctl.drills.client.core import Attempt, Settings
from opsctl.drills.client.ledger import Ledger
from opsctl.drills.measure import measure, percentile

Fate = Literal["kept", "lost", "twice", "doubt-there", "doubt-gone", "refused", "refused-there"]
FATES: tuple[Fate, ...] = (
    "kept", "lost", "twice", "doubt-there", "doubt-gone", "refused", "refused-there",
)  # fmt: skip
_OUTCOME = {"kept": "ok", "lost": "ok", "twice": "ok", "doubt-there": "unknown",
            "doubt-gone": "unknown", "refused": "error", "refused-there": "error"}  # fmt: skip
_TIMES = {"kept": 1, "twice": 2, "doubt-there": 1, "refused-there": 1}


@dataclass(frozen=True)
class Story:
    """One writer's writes, what became of each, and the order in which the service has them."""

    fates: tuple[Fate, ...]
    found: tuple[int, ...]

    def attempts(self, writer: int = 0) -> list[Attempt]:
        return [
            Attempt(writer, seq, seq / 100, seq / 100, seq / 100 + 0.002, _OUTCOME[fate])  # type: ignore[arg-type]
            for seq, fate in enumerate(self.fates)
        ]

    def count(self, *wanted: Fate) -> int:
        return sum(fate in wanted for fate in self.fates)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    fates = tuple(draw(st.lists(st.sampled_from(FATES), max_size=30)))
    there = [seq for seq, fate in enumerate(fates) for _ in range(_TIMES.get(fate, 0))]
    shuffled = draw(st.booleans())
    return Story(fates, tuple(draw(st.permutations(there)) if shuffled else there))


def out_of_order(story: Story) -> int:
    """By comparing every pair, as slow as it is plain."""
    acknowledged = {seq for seq, fate in enumerate(story.fates) if _OUTCOME[fate] == "ok"}
    order = [seq for seq in dict.fromkeys(story.found) if seq in acknowledged]
    return sum(any(other > seq for other in order[:at]) for at, seq in enumerate(order))


@given(st.lists(stories(), min_size=1, max_size=3))
def test_every_fate_is_counted_as_what_it_was(tales: list[Story]) -> None:
    attempts = [one for writer, tale in enumerate(tales) for one in tale.attempts(writer)]
    run = document(attempts, writers=len(tales), read_back=tuple(tale.found for tale in tales))
    measured = measure(run)
    fates = measured.fates
    assert fates is not None
    assert fates.lost == sum(tale.count("lost") for tale in tales)
    assert fates.duplicated == sum(tale.count("twice") for tale in tales)
    assert fates.unanswered_written == sum(tale.count("doubt-there") for tale in tales)
    assert fates.unanswered == sum(tale.count("doubt-there", "doubt-gone") for tale in tales)
    assert fates.refused_written == sum(tale.count("refused-there") for tale in tales)
    assert fates.reordered == sum(map(out_of_order, tales))
    assert fates.strangers == 0
    assert measured.due == len(attempts)
    assert measured.acknowledged + measured.refused + measured.unanswered == measured.due


@given(st.lists(st.booleans(), min_size=1, max_size=120))
def test_cut_offs_are_the_times_between_acknowledgements(served: list[bool]) -> None:
    attempts = [
        Attempt(0, seq, seq / 20, seq / 20, seq / 20, "ok" if ok else "error", "" if ok else "no")
        for seq, ok in enumerate(served)
    ]
    gaps = measure(document(attempts, period=0.05, gap_floor=0.06)).gaps
    times = [seq / 20 for seq, ok in enumerate(served) if ok]
    whole = [(a, b) for a, b in pairwise(times) if b - a > 0.06]
    assert [(gap.begin, gap.end) for gap in gaps if not gap.open] == whole
    assert [gap for gap in gaps if gap.open] == [gap for gap in gaps if gap.end not in times]
    assert all(gap.seconds > 0.06 for gap in gaps)


def run_of(*ok: float, ended: float = 2.0, writer: int = 0) -> list[Attempt]:
    """Acknowledged at these times, and a refusal at the end."""
    said = [Attempt(writer, seq, at, at, at, "ok") for seq, at in enumerate(ok)]
    return [*said, Attempt(writer, len(ok), ended, None, ended, "error", "refused")]


def test_a_cut_off_that_the_run_ends_in_is_open() -> None:
    (gap,) = measure(document(run_of(0.0, 0.1, 0.2))).gaps
    assert (gap.begin, gap.end, gap.open) == (0.2, 2.0, True)


def test_a_run_that_ends_quietly_has_no_open_cut_off() -> None:
    attempts = run_of(0.0, 0.1, 0.2)[:-1]
    assert measure(document(attempts, ended=9.0)).gaps == ()


def test_waiting_for_the_first_answer_is_no_cut_off() -> None:
    assert measure(document(run_of(1.5, 1.55, ended=1.6))).gaps == ()


def test_cut_offs_of_several_writers_at_once_are_one_the_longest() -> None:
    attempts = [*run_of(0.0, 1.0, 1.05, ended=1.1), *run_of(0.1, 1.4, ended=1.41, writer=1)]
    (gap,) = measure(document(attempts, writers=2)).gaps
    assert (gap.begin, gap.end) == (0.1, 1.4)


def test_what_ended_before_the_strike_is_told_apart() -> None:
    measured = measure(document(run_of(0.0, 0.5, 0.55, 1.5, ended=1.51)), strike=0.7)
    assert [gap.begin for gap in measured.gaps_before] == [0.0]
    assert [gap.begin for gap in measured.gaps] == [0.55]
    assert measured.served == 0.5


def test_a_stall_of_the_client_is_counted_where_it_overlaps() -> None:
    stalls = ((0.0, 0.3), (0.9, 0.4))
    (gap,) = measure(document(run_of(0.2, 1.0, ended=1.01), stalls=stalls)).gaps
    assert gap.stalled == pytest.approx(0.1 + 0.1)


def test_latency_counts_from_when_a_write_was_due() -> None:
    late = [Attempt(0, 0, 0.0, 0.4, 0.401, "ok")]
    latency = measure(document(late)).latency
    assert latency is not None
    assert latency.max == 401.0


@given(
    st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=50),
    st.sampled_from([0.5, 0.95, 0.99, 1.0]),
)
def test_a_percentile_is_reached_by_its_share_and_by_no_smaller_value(
    values: list[float], share: float
) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert sum(value <= found for value in ordered) >= share * len(ordered) - 1e-9
    assert sum(value < found for value in ordered) < share * len(ordered)


def test_without_anything_read_back_nothing_is_said_of_losses() -> None:
    assert measure(document(run_of(0.0), read_back=None)).fates is None


def test_a_run_ends_early_only_after_a_cut_off_that_came_since_it_was_ready() -> None:
    ledger = Ledger(Settings("h", 1, "r", settle=1.0, gap_floor=0.1))
    for at in (0.0, 0.05, 0.5, 0.55):  # a cut-off before anything was struck
        ledger.note(Attempt(0, 0, at, at, at, "ok"))
    ledger.forget_cut_offs()
    for step in range(40):
        ledger.note(Attempt(0, 0, 0, 0, 0.6 + step * 0.05, "ok"))
    assert not ledger.settled(2.6)
    for step in range(21):
        ledger.note(Attempt(0, 0, 0, 0, 3.0 + step * 0.05, "ok"))
    assert not ledger.settled(3.95)
    assert ledger.settled(4.05)
    assert not ledger.settled(4.3)  # cut off again, as it seems
