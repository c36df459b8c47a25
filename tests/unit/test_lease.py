"""The lock is kept while a run goes on, also through a time in which nobody answers for it."""

from __future__ import annotations

import threading
from typing import cast

import pytest

from opsctl.errors import OpsError
from opsctl.ports import OUT_OF_REACH, Fence, Target
from opsctl.running import lease
from opsctl.running.context import Stop
from opsctl.running.lease import leased

TTL = 0.6


class Away:
    """A target whose renewals fail with `code`, the first `times` of them."""

    def __init__(self, code: str, times: int) -> None:
        self.code, self.left = code, times
        self.renewed = threading.Event()

    def acquire(self, holder: str, ttl: float) -> Fence:
        return Fence(1, holder)

    def renew(self, fence: Fence, ttl: float) -> None:
        if self.left:
            self.left -= 1
            raise OpsError(self.code, "the lock was lost")
        self.renewed.set()

    def release(self, fence: Fence) -> None: ...


def test_a_renewal_that_nobody_answers_is_tried_again_while_the_lock_holds() -> None:
    target, stop = Away(OUT_OF_REACH, 1), Stop()
    with leased({"dc": cast("Target", target)}, "me", stop, TTL):
        assert target.renewed.wait(5)
    assert stop.error is None


@pytest.mark.parametrize(("code", "times"), [(OUT_OF_REACH, 99), ("lock/lost", 1)])
def test_a_lock_that_runs_out_or_that_another_has_stops_the_run(code: str, times: int) -> None:
    target, stop = Away(code, times), Stop()
    with leased({"dc": cast("Target", target)}, "me", stop, TTL):
        assert stop.wait(5)
    assert stop.error is not None
    assert stop.error.code == code


class Stuck(Away):
    def release(self, fence: Fence) -> None:
        raise OpsError(OUT_OF_REACH, "nobody answers")


class Freed(Away):
    released = False

    def release(self, fence: Fence) -> None:
        self.released = True


@pytest.mark.parametrize("freed_first", [True, False])
def test_a_lock_that_can_not_be_let_go_keeps_no_other_one(freed_first: bool) -> None:
    freed, stuck = Freed("", 0), Stuck("", 0)
    targets = dict(
        zip(("dc", "east"), (freed, stuck) if freed_first else (stuck, freed), strict=True)
    )
    with (
        pytest.raises(OpsError, match="nobody answers"),
        leased(cast("dict[str, Target]", targets), "me", Stop(), TTL),
    ):
        pass
    assert freed.released


class Slow(Away):
    """Grants its lock once another target's was renewed."""

    def __init__(self, other: Away) -> None:
        super().__init__("", 0)
        self.other = other

    def acquire(self, holder: str, ttl: float) -> Fence:
        assert self.other.renewed.wait(5)
        return super().acquire(holder, ttl)


def test_a_lock_is_kept_while_the_next_target_takes_long_to_grant_its_own() -> None:
    first = Away("", 0)
    targets = {"dc": first, "east": Slow(first)}
    with leased(cast("dict[str, Target]", targets), "me", Stop(), TTL) as fences:
        assert list(fences) == ["dc", "east"]


def test_what_renewals_take_is_no_pause_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    now, turns, pauses = [0.0], [12.0, 30.0, 0.0], []

    class Ended(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout)
            return not turns

    class Busy(Away):
        def renew(self, fence: Fence, ttl: float) -> None:
            now[0] += turns.pop(0)

    monkeypatch.setattr(lease.time, "monotonic", lambda: now[0])
    targets = {"dc": cast("Target", Busy("", 0))}
    lease._keep(targets, {"dc": Fence(1, "me")}, {"dc": 0.0}, Stop(), Ended(), 60.0)
    assert pauses == [20.0, 8.0, 0.0, 20.0]
