"""The demo's writing client, without a Redis."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "demo"))

from client import Client, Ledger, NotAcknowledged


class Memory:
    """A store that refuses some tries. `keep`: those arrive although nobody acknowledges them."""

    def __init__(self, refuse: Iterable[int] = (), keep: Iterable[int] = ()) -> None:
        self.refuse, self.keep = set(refuse), set(keep)  # the number of the try, from 0
        self.tries = 0
        self.counts: dict[int, int] = {}

    def write(self, number: int) -> None:
        this, self.tries = self.tries, self.tries + 1
        if this not in self.refuse:
            self.counts[number] = self.counts.get(number, 0) + 1
        if this in self.refuse | self.keep:
            raise NotAcknowledged

    def read(self, numbers: Iterable[int]) -> Mapping[int, int]:
        return {number: self.counts[number] for number in numbers if number in self.counts}


def run(store: Memory, count: int = 30) -> Client:
    client = Client(store, interval=0.001)
    client.start()
    client.await_count(count, timeout=10)
    client.stop()
    return client


def test_without_faults_every_write_is_there_once() -> None:
    report = run(Memory()).report()
    assert (report.lost, report.duplicated, report.refused) == ((), (), 0)
    assert report.acknowledged >= 30


def test_a_refused_number_is_tried_again_until_it_is_acknowledged() -> None:
    report = run(Memory(refuse={5, 6, 7})).report()
    assert (report.lost, report.duplicated, report.refused) == ((), (), 3)


def test_a_write_that_arrived_without_its_acknowledgement_is_a_duplicate() -> None:
    report = run(Memory(keep={4})).report()
    assert (report.lost, report.duplicated) == ((), (4,))


def test_an_acknowledged_write_that_is_gone_is_lost() -> None:
    store = Memory()
    client = run(store)
    del store.counts[3]
    assert client.report().lost == (3,)


def test_a_write_that_nobody_acknowledged_before_the_end_is_not_lost() -> None:
    assert Ledger(times=[0.0, 1.0]).report({0: 1, 1: 1, 2: 1}).lost == ()


def test_the_cut_off_lies_between_the_last_acknowledgement_before_and_the_first_after() -> None:
    report = Ledger(times=[0.0, 0.01, 0.02, 1.5, 1.51]).report(dict.fromkeys(range(5), 1))
    assert (report.began, report.resumed) == (0.02, 1.5)
    assert report.cut_off == pytest.approx(1.48)


def test_a_silence_can_not_be_told_from_a_single_write() -> None:
    with pytest.raises(ValueError, match="two acknowledged writes"):
        Ledger(times=[0.0]).report({0: 1})


def test_waiting_for_writes_that_never_come_has_an_end() -> None:
    client = Client(Memory(refuse=range(100_000)), interval=0.001)
    client.start()
    with pytest.raises(TimeoutError, match="0 of 1 writes"):
        client.await_count(1, timeout=0.05)
    client.stop()


def test_a_store_that_breaks_ends_the_wait_with_its_own_error() -> None:
    class Broken(Memory):
        def write(self, number: int) -> None:
            raise RuntimeError("a bug")

    client = Client(Broken(), interval=0.001)
    client.start()
    with pytest.raises(RuntimeError, match="a bug"):
        client.await_count(1, timeout=10)


def test_a_write_that_hangs_is_not_waited_for_without_end() -> None:
    import threading

    release = threading.Event()

    class Hanging(Memory):
        def write(self, number: int) -> None:
            release.wait(10)

    client = Client(Hanging())
    client.start()
    with pytest.raises(TimeoutError, match="takes longer"):
        client.stop(timeout=0.05)
    release.set()


def test_writes_keep_their_pace_instead_of_catching_up_after_a_silence() -> None:
    now = 0.0

    def clock() -> float:
        return now

    class Slow(Memory):
        def write(self, number: int) -> None:
            nonlocal now
            super().write(number)
            now += 5.0 if number == 3 else 0.0

    client = Client(Slow(), clock=clock, interval=0.001)
    client.start()
    client.await_count(10, timeout=10)
    client.stop()
    assert client.report().cut_off == 5.0
