"""What the machine on which opsctl runs says of it."""

from __future__ import annotations

import pytest

from opsctl.errors import Exit, OpsError
from opsctl.running.lease import TTL
from opsctl.wiring.places import lock_ttl, who

VARIABLE = "OPSCTL_LOCK_TTL"


@pytest.mark.parametrize(("said", "seconds"), [("", TTL), ("5", 5.0), ("600", 600.0)])
def test_a_lock_lasts_as_long_as_the_variable_says(
    said: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, said)
    assert lock_ttl() == seconds


@pytest.mark.parametrize("said", ["4", "-7", "1m", "5.5"])
def test_a_time_that_would_cost_a_living_holder_its_lock_is_refused(
    said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, said)
    with pytest.raises(OpsError, match="lock can last") as refused:
        lock_ttl()
    assert (refused.value.code, refused.value.exit) == ("lock/bad-ttl", Exit.INPUT)


def test_who_works_is_a_person_on_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "bob")
    monkeypatch.setattr("socket.gethostname", lambda: "control")
    assert who() == "bob@control"
