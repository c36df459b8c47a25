"""Faults as commands: whom they strike, that their undo is armed first, that shells take them."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from opsctl.drills.faults import FAULTS, OF_PODS, Fault, fault
from opsctl.drills.packets import NOTHING
from opsctl.drills.scripts import FILL, undo_unit
from opsctl.drills.strikes import Scene, Strike, strike
from opsctl.errors import Exit, OpsError
from opsctl.targets.hosts import nodes as host_nodes
from opsctl.workload import AddressRef, Seat, Standing, Text

DRILL = "d7f3a"
BY_HAND = [each for each in FAULTS if each.kind not in ("operation", *OF_PODS)]


def seat(member: str, node: str) -> Seat:
    return Seat(member, "servers", node, "", "debian-13", data_dir=f"/var/lib/it's/{member}")


def scene(primary: str = "db-1", client: str = "n2", **more: object) -> Scene:
    """Three members on n1 to n3, two balancers on n1 and n4; the second holds the address."""
    seats = tuple(seat(f"db-{at}", f"n{at + 1}") for at in range(3))
    standings = {
        (one.member, "server"): Standing("primary" if one.member == primary else "replica", True)
        for one in seats
    }
    standings |= {(one.member, "watcher"): Standing("arbiter", True) for one in seats}
    whole = Scene(standings, seats, (seat("lb-0", "n1"), seat("lb-1", "n4")), ("lb-1",), client)
    return replace(whole, **more)  # type: ignore[arg-type]


def shell(text: Text) -> str:
    """As a target fills it in."""
    filled = text.fill(
        lambda ref: f"10.0.0.{ref.member[-1]}" if isinstance(ref, AddressRef) else ""
    )
    return host_nodes.filled(filled, "opsctl-shop-db-server@db-1.service")


def nodes(strikes: tuple[Strike, ...]) -> list[str]:
    return [one.node for one in strikes]


@pytest.mark.parametrize("each", BY_HAND, ids=lambda each: each.name)
def test_a_shell_understands_strike_and_undo(each: Fault) -> None:
    strikes = strike(each, scene(), DRILL)
    assert strikes
    for one in strikes:
        for text in (one.script, one.undo):
            subprocess.run(["sh", "-n"], input=shell(text), text=True, check=True, timeout=10)
            assert not re.search("{[a-z]+}", shell(text))


@pytest.mark.parametrize("each", BY_HAND, ids=lambda each: each.name)
def test_the_undo_is_armed_before_anything_is_struck(each: Fault) -> None:
    for one in strike(each, scene(), DRILL):
        text = shell(one.script)
        if one.restarts:
            assert text.count("\n") == 2  # a reboot is its own undo
            continue
        assert text.startswith("set -eu\nif [ -d /run/systemd/system ] ")
        assert text.index("systemd-run ") < text.index("setsid ") < text.index("date '+struck")
        assert text.index(undo_unit(DRILL)) < text.index("date '+struck")
        assert f"--unit={undo_unit(DRILL)} " in text
        assert f"systemctl stop {undo_unit(DRILL)}.timer" in shell(one.undo)


@pytest.mark.parametrize("each", BY_HAND, ids=lambda each: each.name)
def test_nothing_that_systemd_would_expand_is_in_an_undo(each: Fault) -> None:
    for one in strike(each, scene(), DRILL):
        assert "$" not in shell(one.undo)


def test_the_primary_is_found_by_what_it_says() -> None:
    (one,) = strike(fault("primary-process"), scene(primary="db-2"), DRILL)
    assert (one.node, one.member, one.component) == ("n3", "db-2", "server")


@pytest.mark.parametrize("said", ["nobody", "two"])
def test_a_service_without_one_primary_is_not_struck(said: str) -> None:
    two = {("db-0", "server"): Standing("primary", True),
           ("db-1", "server"): Standing("primary", True)}  # fmt: skip
    broken = scene(primary="none") if said == "nobody" else scene(standings=two)
    with pytest.raises(OpsError, match="one primary is wanted") as refused:
        strike(fault("pause-primary"), broken, DRILL)
    assert refused.value.exit is Exit.REFUSED


def test_a_pause_lasts_as_long_as_it_is_told() -> None:
    (one,) = strike(fault("pause"), scene(), DRILL, 12.5)
    assert "--on-active=12.5s" in shell(one.script)
    assert "kill opsctl-shop-db-server@db-1.service --signal CONT" in shell(one.script)


def test_a_short_pause_is_ended_by_its_script_and_its_timer_can_not_come_before_it() -> None:
    (one,) = strike(fault("pause"), scene(), DRILL, 0.25)
    text = shell(one.script)
    assert "--on-active=10.25s" in text
    stopped, resumed = text.index("--signal STOP"), text.rindex("--signal CONT")
    assert stopped < text.index("sleep 0.25") < resumed


def test_the_primary_alone_is_cut_off_from_everybody() -> None:
    (one,) = strike(fault("isolate-primary"), scene(), DRILL)
    text = shell(one.script)
    assert one.node == "n2"
    assert 'peers="10.0.0.0 10.0.0.2 10.0.0.1"' in text  # one on each of n1, n3 and n4
    assert "hook prerouting" in text
    assert "hook postrouting" in text
    assert "nft delete table inet opsctl_drill_d7f3a" in shell(one.undo)


def ran(folder: Path, one: Strike, **programs: str) -> str:
    """What a strike says where these are the only programs of the network."""
    for name, text in {"systemd-run": "true", **programs}.items():
        file = folder / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
    script = shell(one.script).replace("setsid ", ": ").replace("> /run/", f"> {folder}/")
    path = f"{folder}:/usr/bin:/bin"
    call = ["sh", "-c", script]
    return subprocess.run(call, env={"PATH": path}, capture_output=True, text=True).stdout


def test_where_nft_crashes_iptables_cuts_each_family(tmp_path: Path) -> None:
    (one,) = strike(fault("isolate-primary"), scene(), DRILL)
    said = ran(tmp_path, one, nft="exit 139", **{"iptables-restore": f"cat > {tmp_path}/rules"})
    assert said.startswith("struck ")
    assert NOTHING not in said
    rules = (tmp_path / "rules").read_text().splitlines()
    chain = f"opsctl-drill-{DRILL}"
    assert rules[:3] == ["*raw", f":{chain} - [0:0]", f"-I PREROUTING ! -i lo -j {chain}"]
    assert f"-A {chain} -s 10.0.0.2 -j DROP" in rules
    assert f"-A {chain} -d 10.0.0.2 -j DROP" in rules
    assert rules.count("COMMIT") == 2


def test_a_strike_that_no_program_deals_says_so(tmp_path: Path) -> None:
    (one,) = strike(fault("isolate-primary"), scene(), DRILL)
    said = ran(tmp_path, one, nft="exit 1", **{"iptables-restore": "exit 1"})
    assert NOTHING in said


def test_one_way_is_one_way() -> None:
    (one,) = strike(fault("one-way-cut"), scene(), DRILL)
    assert "hook postrouting" in shell(one.script)
    assert "prerouting" not in shell(one.script)


def test_a_client_on_a_third_node_makes_no_minority() -> None:
    with pytest.raises(OpsError, match="2 of 3 members would be on the client's side"):
        strike(fault("isolate-minority"), scene(client="n3"), DRILL)
    with pytest.raises(OpsError, match="the client runs on no host"):
        strike(fault("isolate-minority"), scene(client=""), DRILL)
    assert nodes(strike(fault("isolate-minority"), scene(client="n2"), DRILL)) == ["n2"]


def test_a_client_beside_the_members_comes_along() -> None:
    strikes = strike(fault("isolate-minority"), scene(client="n4"), DRILL)
    assert nodes(strikes) == ["n2", "n4"]
    for one in strikes:  # between the two, nothing is cut
        assert 'peers="10.0.0.0 10.0.0.2"' in shell(one.script)


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_a_share_of_lost_packets_is_one(percent: int) -> None:
    with pytest.raises(OpsError, match=f"{percent} is no share"):
        strike(replace(fault("loss"), percent=percent), scene(), DRILL)


def test_a_host_with_several_members_is_killed_once() -> None:
    assert nodes(strike(fault("all-hosts"), scene(), DRILL)) == ["n1", "n2", "n3", "n4"]
    both = scene(holders=("lb-0",), primary="db-0")
    assert nodes(strike(fault("primary-and-vip-host"), both, DRILL)) == ["n1"]


def test_a_service_without_a_floating_address_has_no_balancer_to_kill() -> None:
    with pytest.raises(OpsError, match="no balancer holds an address"):
        strike(fault("balancer-host"), scene(holders=()), DRILL)


def test_an_operation_is_a_plan_and_strikes_nothing() -> None:
    assert strike(fault("switchover"), scene(), DRILL) == ()
    assert all(each.operation for each in FAULTS if each.kind == "operation")


def test_a_folder_with_a_quote_in_its_name_stays_one_word() -> None:
    (one,) = strike(fault("disk-full"), scene(), DRILL)
    probe = (
        "for word in "
        + shell(one.undo).split("rm -f ")[1].split("; }")[0]
        + "; do echo $word; done"
    )
    said = subprocess.run(["sh", "-c", probe], capture_output=True, text=True, check=True).stdout
    assert said == f"/var/lib/it's/db-1/{FILL}\n"


def test_every_fault_says_what_it_does_and_how_it_ends() -> None:
    assert len({each.name for each in FAULTS}) == len(FAULTS)
    for each in FAULTS:
        assert each.words
        assert each.felt
        assert each.undo
        assert bool(each.operation) == (each.kind == "operation")
    with pytest.raises(OpsError, match=r"there is no fault fire.*known: primary-process"):
        fault("fire")
