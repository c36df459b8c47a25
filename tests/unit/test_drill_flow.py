"""What a drill decides beforehand, and how its client is led from ready to its record."""

from __future__ import annotations

import pytest
from fake_resp import fake_resp
from test_drill_faults import DRILL, nodes, scene, seat, shell

from drill_client import client
from opsctl.drills.document import read_document
from opsctl.drills.faults import fault
from opsctl.drills.measure import measure
from opsctl.drills.strikes import beforehand, primary_node, strike
from opsctl.errors import Exit, OpsError
from opsctl.flow.drill_client import DrillClient
from opsctl.running.context import Stop

BOTH = fault("primary-and-vip-host")


def test_one_host_is_both_the_primarys_and_the_addresss() -> None:
    apart = scene(primary="db-1", holders=("lb-0",))  # db-0 sits beside lb-0
    assert beforehand(BOTH, apart) == "db-0"
    together = scene(primary="db-0", holders=("lb-0",))
    assert beforehand(BOTH, together) == ""
    assert nodes(strike(BOTH, together, DRILL)) == ["n1"]


def test_the_host_of_the_address_alone_is_not_the_primarys() -> None:
    alone = fault("balancer-host")
    assert beforehand(alone, scene(primary="db-1", holders=("lb-0",))) == ""
    together = scene(primary="db-0", holders=("lb-0",))
    assert beforehand(alone, together) == "db-1"


def test_a_balancer_without_a_member_beside_it_falls_with_the_primary() -> None:
    apart = scene(primary="db-1", holders=("lb-1",))
    assert beforehand(BOTH, apart) == ""
    assert nodes(strike(BOTH, apart, DRILL)) == ["n2", "n4"]


@pytest.mark.parametrize("name", ["primary-and-vip-host", "balancer-host"])
def test_no_majority_falls_with_a_balancer(name: str) -> None:
    seats = (seat("db-0", "n1"), seat("db-1", "n2"))
    few = scene(primary="db-0", seats=seats, holders=("lb-0",))
    with pytest.raises(OpsError, match=r"1 of 2 members \(db-0\) would go down with n1") as refused:
        strike(fault(name), few, DRILL)
    assert (refused.value.code, refused.value.exit) == ("drills/no-majority", Exit.REFUSED)


def test_nothing_is_handed_over_before_a_fault_that_is_refused() -> None:
    seats = (seat("db-0", "n1"), seat("db-1", "n2"))
    with pytest.raises(OpsError, match="can't elect"):
        beforehand(BOTH, scene(primary="db-1", seats=seats, holders=("lb-0",)))


def test_other_faults_need_nobody_elsewhere() -> None:
    assert beforehand(fault("primary-host"), scene()) == ""


def test_a_cut_takes_the_floating_address_along_for_as_long_as_the_other_side_holds_it() -> None:
    (away,) = strike(fault("isolate-minority"), scene(address="10.0.0.99"), DRILL)
    assert '10.0.0.1 10.0.0.99"' in shell(away.script)
    here = scene(primary="db-0", client="n1", holders=("lb-0",), address="10.0.0.99")
    (mine,) = strike(fault("isolate-minority"), here, DRILL)  # it may move in the midst of it
    assert '10.0.0.99"' in shell(mine.script)
    assert "postrouting oifname != lo $family daddr $peer drop" in shell(mine.script)
    assert "prerouting iifname != lo $family saddr $peer drop" in shell(mine.script)


def test_the_smaller_side_is_where_the_primary_is() -> None:
    assert primary_node(scene(primary="db-2")) == "n3"


def test_a_held_client_goes_on_until_the_fault_is_over() -> None:
    with fake_resp() as fake, client(fake.port, held=True, at_least=0.3, settle=0.2) as one:
        one.await_ready()
        assert one.process.stdin is not None
        one.process.stdin.write("over\n")
        one.process.stdin.flush()
        assert one.process.stdout is not None
        found = read_document(one.process.stdout.readline())
    assert found.ready is not None
    assert 0.3 <= found.ended - found.ready < 4.0


@pytest.mark.parametrize("last", ["end\n", ""])
def test_a_held_client_that_is_not_served_ends_when_it_is_told_or_its_caller_is_gone(
    last: str,
) -> None:
    with fake_resp() as fake, client(fake.port, held=True, read_within=0.3) as one:
        one.await_ready()
        fake.silent = True
        assert one.process.stdin is not None
        one.process.stdin.write(last)
        one.process.stdin.close()
        one.process.stdin = None
        found = one.document()
    assert found.ended < 5.0
    assert measure(found).fates is None


class Quiet:
    """A client that says what it is told to say."""

    complaint = "why it broke"

    def __init__(self, *lines: str | None) -> None:
        self.lines = list(lines)
        self.told: list[str] = []

    def line(self, timeout: float) -> str | None:
        return self.lines.pop(0) if self.lines else None

    def tell(self, text: str) -> None:
        self.told.append(text)

    def stop(self) -> None: ...


def test_a_client_that_breaks_off_is_no_result() -> None:
    with pytest.raises(OpsError, match="broke off") as error:
        DrillClient(Quiet(None, ""), Stop()).await_ready()
    assert error.value.details == ("why it broke",)


def test_a_wish_to_stop_is_heard_while_the_client_goes_on() -> None:
    stop = Stop()
    stop.ask()
    with pytest.raises(OpsError, match="stopped at a safe point"):
        DrillClient(Quiet(), stop).go_on(30.0)
