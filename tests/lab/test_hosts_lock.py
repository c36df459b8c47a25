"""The lock and the journal of an environment, kept by real hosts."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hosts_lab import TTL, apply, built, emptied
from lab_site import await_until
from small_service import (
    target,
)

from conftest import MakeLab
from opsctl.errors import OpsError
from opsctl.lab import Lab
from opsctl.ports import Fence, Record

pytestmark = pytest.mark.lab


@pytest.fixture(name="lab", scope="module")
def a_lab(make_lab: MakeLab) -> Lab:
    return make_lab("hosts-lock", data_mib=64)


@pytest.fixture(name="clean")
def a_clean_lab(lab: Lab) -> Iterator[Lab]:
    yield from emptied(lab)


def test_a_lock_is_held_released_broken_and_fences_what_came_before(
    clean: Lab, tmp_path: Path
) -> None:
    dc, other = target(clean, tmp_path), target(clean, tmp_path / "b")
    first = dc.acquire("first", TTL)
    with pytest.raises(OpsError) as held:
        other.acquire("second", TTL)
    assert held.value.code == "lock/held"
    assert int(held.value.exit) == 7
    assert "first" in held.value.message
    seen = other.observe((), ())
    assert seen.holder is not None
    assert seen.holder.holder == "first"

    dc.renew(first, TTL)
    broken = other.break_lock("it hangs", "somebody")
    assert broken is not None
    assert broken.holder == "first"
    second = other.acquire("second", TTL)
    assert second.token > first.token
    with pytest.raises(OpsError, match="lost"):
        dc.renew(first, TTL)
    _, resources = built(dc, 1)
    error = apply(dc, resources, first)["dc/n1"].error
    assert error is not None
    assert error.code == "hosts/fenced"
    assert clean.exec("n1", ["ls", "/etc/opsctl"]).returncode != 0
    with pytest.raises(OpsError, match="no longer valid"):
        dc.record([Record("r1", "begin", 1.0, "me")], first)
    other.release(second)


def test_the_lock_of_a_dead_holder_runs_out(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    first = dc.acquire("dead", 0.5)
    other = target(clean, tmp_path / "b")

    def take() -> Fence | None:
        try:
            return other.acquire("next", TTL)
        except OpsError:
            return None

    second = await_until(take, lambda fence: fence is not None, "the lock to run out", 10)
    assert second is not None
    assert second.token > first.token


def test_only_one_of_many_who_want_the_lock_at_once_gets_it(clean: Lab, tmp_path: Path) -> None:
    several = [target(clean, tmp_path / str(n)) for n in range(4)]

    def take(number: int) -> Fence | None:
        try:
            return several[number].acquire(f"holder {number}", TTL)
        except OpsError:
            return None

    with ThreadPoolExecutor(4) as pool:
        got = [fence for fence in pool.map(take, range(4)) if fence]
    assert len(got) <= 1


def test_the_journal_is_the_same_from_every_host_and_tells_of_an_unfinished_run(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    fence = dc.acquire("a test", TTL)
    begin = Record("r1", "begin", 100.0, "me", revision=3, steps=("a", "b"))
    dc.record([begin], fence, {"name": "shop"})
    dc.record([Record("r1", "step", 101.0, "me", step="a", ended="done")], fence)
    fresh = target(clean, tmp_path / "elsewhere")
    seen = fresh.observe((), ())
    assert seen.revision == 3
    assert seen.documents == {3: {"name": "shop"}}
    assert seen.unfinished is not None
    assert (seen.unfinished.done, seen.unfinished.open) == (("a",), ("b",))
    dc.record([Record("r1", "end", 102.0, "me", ended="done")], fence)
    assert fresh.observe((), ()).unfinished is None
    assert [record.kind for record in fresh.history(10)] == ["begin", "step", "end"]
    assert fresh.history(1)[0].kind == "end"
    assert fresh.document(3) == {"name": "shop"}
