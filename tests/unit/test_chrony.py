"""chrony: what may be written of it, what its answers mean, and whom a change waits for."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from opsctl.data import renderer
from opsctl.engines.chrony import ENGINE, ChronyService
from opsctl.engines.chrony.clock import standing
from opsctl.errors import OpsError
from opsctl.workload import Answer, Directory, Seat, Standing, Workload

RIGHT = "0A4D0102,10.77.1.2,11,1795258692,-0.000012,0.0,0.00004,-1.2,0.001,0.5,0.0,0.0,2.0,Normal"
LOST = "00000000,,0,0.000000000,0.000000000,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised"
SOURCE = "^,*,ntp1.example.net,10,6,377,12,-0.000010,-0.000012,0.000100"


def seats(count: int) -> list[Seat]:
    return [
        Seat(
            member=f"time-{n}",
            group="clock",
            node=f"n{n}",
            zone="",
            system="debian-13",
            config_dir=f"/etc/opsctl/shop/time/time-{n}",
            data_dir=f"/var/lib/opsctl/shop/time/time-{n}",
            run_dir=f"/run/opsctl/shop/time/time-{n}",
        )
        for n in range(count)
    ]


def described(count: int = 2, **keys: Any) -> Workload:
    service = ChronyService(engine="chrony", on="dc", **keys)
    return ENGINE.describe("time", service, seats(count), renderer("chrony"), Directory())


def config(workload: Workload) -> str:
    return workload.member("time-0").components[0].files[0].text.fill(str)


def said(*lines: str, exit: int = 0, alone: bool = False) -> Standing:
    return standing(Answer(exit, "".join(f"{line}\n" for line in lines)), alone)


@pytest.mark.parametrize(
    "keys",
    [
        {"replicas": 3},
        {"settings": {"maxslewrate": 1000}},
        {"serve": True},
        {"allow": ["10.0.0.0/24"]},
        {"serve": True, "allow": ["ten"]},
        {"port": 123},
        {"servers": ["-x"]},
    ],
)
def test_what_means_nothing_is_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChronyService(engine="chrony", on="dc", **keys)


def test_who_is_asked() -> None:
    assert ChronyService(engine="chrony", on="dc").asks == ("2.debian.pool.ntp.org",)
    assert ChronyService(engine="chrony", on="dc", local=10).asks == ()
    both = ChronyService(engine="chrony", on="dc", servers=["a"], pool="p")
    assert (both.asks, both.pools) == (("a", "p"), ("p",))


def test_a_clock_is_kept_without_serving_anybody_or_being_commanded_over_the_network() -> None:
    text = config(described(servers=["ntp1.example.net"]))
    lines = text.splitlines()
    assert {"server ntp1.example.net iburst", "port 0", "cmdport 0", "rtcsync"} <= set(lines)
    assert "bindcmdaddress /run/opsctl/shop/time/time-0/chronyd.sock" in lines
    assert "pool" not in text


def test_only_who_controls_may_set_the_clock() -> None:
    keeps = described().member("time-0").components[0]
    measures = described(control=False).member("time-0").components[0]
    assert keeps.capabilities == ("CAP_SYS_TIME",)
    assert "-x" not in keeps.command.argv
    assert measures.capabilities == ()
    assert "-x" in measures.command.argv
    assert "makestep" not in config(described(control=False))


def test_a_clock_that_is_right_says_from_whom() -> None:
    found = said(RIGHT, SOURCE)
    assert (found.ready, found.role, found.following) == (True, "replica", "ntp1.example.net")
    assert found.details["stratum"] == "11"
    assert float(found.details["offset"]) == pytest.approx(0.000012)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((LOST, SOURCE.replace("*", "?").replace("377", "0")),
         "none of its sources answers: ntp1.example.net"),
        ((LOST,), "none of its sources answers: it has none"),
        ((LOST, SOURCE.replace("*", "?").replace("377", "1")), "it still measures its sources"),
        ((LOST, SOURCE.replace("*", "x")), "its sources contradict each other"),
        ((RIGHT.replace("-0.000012", "-0.250000", 1), SOURCE), "its clock is off by 0.250 s"),
        (("506 Cannot talk to daemon",), "506 Cannot talk to daemon"),
    ],
)  # fmt: skip
def test_a_clock_that_is_not_right_says_why(lines: tuple[str, ...], reason: str) -> None:
    found = said(*lines)
    assert (found.ready, found.reason) == (False, reason)


def test_a_server_of_its_own_clock_is_its_own_source() -> None:
    found = said(RIGHT.replace("0A4D0102,10.77.1.2", "7F7F0101,"), alone=True)
    assert (found.ready, found.details["source"]) == (True, "its own clock")


def test_the_next_restarts_when_the_changed_one_is_right_although_others_ask_the_old_one() -> None:
    workload = described(2, servers=["ntp1.example.net"])
    old = said(LOST, SOURCE.replace("ntp1", "old").replace("*", "?").replace("377", "0"))
    right, waiting = said(RIGHT, SOURCE), said(LOST, SOURCE.replace("*", "?"))
    after = workload.rolling.after.holds
    assert after({("time-0", "chrony"): right, ("time-1", "chrony"): old}) == ""
    reason = after({("time-0", "chrony"): waiting, ("time-1", "chrony"): old})
    assert reason == "time-0: it still measures its sources"
    assert "none of its sources answers: old" in workload.formed.holds(
        {("time-0", "chrony"): right, ("time-1", "chrony"): old}
    )


def test_nobody_can_be_made_primary() -> None:
    with pytest.raises(OpsError) as error:
        described().operations.switchover({}, "")
    assert error.value.code == "chrony/no-switchover"
