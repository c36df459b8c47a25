"""How a pool stands, what must hold of it, and how members behind it are drained."""

from __future__ import annotations

import re

import pytest

from opsctl.engines.haproxy.standings import balancer_standing, holder_standing
from opsctl.errors import OpsError
from opsctl.workload import Answer, Lead, Standing, Standings, Workload
from routes_world import described, environment

ROUTES = {
    "sessions": {"to": "sessions", "vip": "10.77.0.100"},
    "read": {"to": "sessions", "role": "replica", "vip": "10.77.0.101"},
}
# What HAProxy 2.6 says, cut to the columns that are read; its last check may hold line ends.
STAT = """# pxname,svname,scur,slim,status,check_status,last_chk,
sessions,FRONTEND,2,5000,OPEN,,,
sessions,sessions-0,2,,UP,L7OK,(tcp-check),
sessions,sessions-1,0,,DOWN 2/6,* L7TOUT," at step 5 of tcp-check (expect string '
master')",
sessions,BACKEND,2,,UP,,,
read,FRONTEND,10000,10000,OPEN,,,
read,sessions-0,0,,DRAIN,L7OK,(tcp-check),
read,sessions-1,0,,DOWN,INI,,
read,BACKEND,0,,DOWN,,,
votes:sessions:sessions-0,sessions-0,0,,UP,L7OK,,
"""


def pool() -> Workload:
    return described(environment(ROUTES))["edge"]


def standings(**held: str) -> Standings:
    """Two balancers that lead everywhere; who has which addresses."""
    leads = {"route sessions": "sessions-0", "route read": "sessions-1"}
    found: dict[tuple[str, str], Standing] = {}
    for member in ("edge-0", "edge-1"):
        mine = held.get(member.replace("-", "_"), "")
        role = "primary" if mine else "replica"
        found[member, "haproxy"] = Standing("replica", ready=True, details=leads)
        found[member, "keepalived"] = Standing(
            "primary" if role == "primary" else "replica", ready=True, details={"addresses": mine}
        )
    return found


def test_a_standing_says_who_gets_clients_and_why_others_do_not() -> None:
    found = balancer_standing(Answer(0, STAT))
    assert (found.role, found.ready) == ("replica", True)
    assert found.details == {
        "route sessions": "sessions-0",
        "down sessions": "sessions-1 (L7TOUT at step 5 of tcp-check (expect string ' master'))",
        "route read": "",
        "down read": "sessions-0 drained; sessions-1 (INI)",
        "full read": "10000 connections",
    }


ALONE = (
    STAT.replace("votes:sessions:sessions-0,sessions-0", "voters:sessions,sessions-1").replace(
        ",UP,L7OK,,", ",DOWN,L4TOUT,,"
    )
    + "voters:sessions,sessions-2,0,,DOWN,L4TOUT,,\n"
    + "opsctl:balancers,edge-1,0,,DOWN,L4TOUT,,\n"
)


def asked(text: str) -> Standing:
    health = pool().member("edge-0").component("haproxy").health
    assert health is not None
    found = health.parse(Answer(0, text))
    assert isinstance(found, Standing)
    return found


def test_a_balancer_that_is_cut_off_says_which_address_it_leaves_and_why() -> None:
    found = asked(ALONE)
    reason = "reaches too few voters and balancers, so it leaves 10.77.0.100 to others"
    assert (found.role, found.ready, found.reason) == ("replica", False, reason)
    assert found.details == balancer_standing(Answer(0, STAT)).details
    everybody = {**standings(edge_1="10.77.0.100 10.77.0.101"), ("edge-0", "haproxy"): found}
    assert pool().rolling.after.holds(everybody) == f"haproxy of edge-0 {reason}"


@pytest.mark.parametrize("there", ["voters:sessions,sessions-2", "opsctl:balancers,edge-1"])
def test_one_who_is_in_reach_is_enough_beside_the_voter_here(there: str) -> None:
    assert asked(ALONE.replace(f"{there},0,,DOWN", f"{there},0,,UP")).ready
    assert asked(STAT).ready  # the process does not know yet whom to ask


@pytest.mark.parametrize(
    "answer", [Answer(1, "", "socat: E connect: No such file\n"), Answer(-1, ""), Answer(0, "")]
)
def test_a_balancer_that_does_not_answer_is_not_ready(answer: Answer) -> None:
    found = balancer_standing(answer)
    assert (found.role, found.ready) == ("unknown", False)
    assert found.reason


def test_the_holder_of_an_address_is_primary_so_that_it_goes_last() -> None:
    assert holder_standing(Answer(0, "keepalived\n10.77.0.100\n")).role == "primary"
    assert holder_standing(Answer(0, "keepalived\n")).role == "replica"
    assert not holder_standing(Answer(1, "")).ready
    assert pool().rolling.order == ("replica", "primary")


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        ({"edge_0": "10.77.0.100", "edge_1": "10.77.0.101"}, ""),
        ({"edge_1": "10.77.0.100 10.77.0.101"}, ""),
        ({"edge_0": "10.77.0.100"}, "nobody has 10.77.0.101"),
        ({"edge_0": "10.77.0.100 10.77.0.101", "edge_1": "10.77.0.101"},
         "edge-0 and edge-1 both have 10.77.0.101"),
    ],
)  # fmt: skip
def test_each_address_is_held_once(held: dict[str, str], reason: str) -> None:
    assert pool().formed.holds(standings(**held)) == reason
    assert pool().rolling.after.holds(standings(**held)) == reason


def test_a_route_that_leads_to_nobody_keeps_a_pool_from_being_formed_not_from_rolling() -> None:
    found = dict(standings(edge_0="10.77.0.100 10.77.0.101"))
    found["edge-1", "haproxy"] = balancer_standing(Answer(0, STAT))
    assert pool().rolling.before.holds(found) == ""
    assert pool().formed.holds(found) == (
        "read of edge-1 leads to nobody: sessions-0 drained; sessions-1 not asked yet"
    )


def test_a_member_is_drained_at_every_balancer_where_it_is_no_primary() -> None:
    work = pool()
    assert work.traffic is not None
    traffic = work.traffic("sessions", "sessions-1")
    assert [act.call.member for act in traffic.drain] == ["edge-0", "edge-1"]
    assert traffic.drain[0].call.argv[-2:] == ("drain", "read/sessions-1")
    assert traffic.drain[0].undo[0].argv[-2:] == ("ready", "read/sessions-1")
    assert [act.call.argv[-2:] for act in traffic.undrain] == [("ready", "read/sessions-1")] * 2
    assert work.traffic("other", "sessions-1").drain == ()


def led(name: str, found: Standings) -> Lead:
    work = pool()
    assert work.leads is not None
    return next(lead for lead in work.leads(found) if lead.lane.name == name)


def test_a_lead_says_who_has_the_address_who_gets_clients_and_why_others_do_not() -> None:
    found = dict(standings(edge_1="10.77.0.100", edge_0="10.77.0.101"))
    found["edge-1", "haproxy"] = balancer_standing(Answer(0, STAT))
    lead = led("sessions", found)
    assert (lead.balancers, lead.serving) == (("edge-1",), ("sessions-0",))
    assert lead.away == {"sessions-1": "does not say that it is primary"}
    assert lead.doors(["10.77.0.1"]) == ("10.77.0.100:6379",)
    assert lead.trouble == lead.full == ""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("(L4CON Connection refused at step 1 of tcp-check (connect))", "lets nobody in"),
        ("(L4TOUT at step 1 of tcp-check (connect))", "can't be reached"),
        ("(L7TOUT at step 3 of tcp-check (expect string '+OK'))",
         "does not let the balancer log in "
         "(L7TOUT at step 3 of tcp-check (expect string '+OK'))"),
        ("(L7RSP at step 8 of tcp-check (expect regex))", "not agreed on by 2 of 3 voters"),
        ("(L7TOUT)", "does not say that it is primary"),
        ("drained", "drained"),
        ("in maintenance", "in maintenance"),
    ],
)  # fmt: skip
def test_why_a_member_gets_no_clients_is_said_in_the_words_of_the_service(
    said: str, words: str
) -> None:
    found = dict(standings(edge_0="10.77.0.100 10.77.0.101"))
    details = {"route sessions": "", "down sessions": f"sessions-0 {said}"}
    found["edge-0", "haproxy"] = Standing("replica", ready=True, details=details)
    lead = led("sessions", found)
    assert lead.away == {"sessions-0": words}
    assert lead.trouble == "edge-0 has nobody to lead to: it lets clients in and closes at once"


def test_a_route_is_in_trouble_while_nobody_or_everybody_has_its_address_or_it_is_full() -> None:
    assert led("sessions", standings()).trouble == "nobody has 10.77.0.100: clients can't connect"
    both = standings(edge_0="10.77.0.100", edge_1="10.77.0.100")
    assert led("sessions", both).trouble.startswith("edge-0 and edge-1 both have 10.77.0.100")
    found = dict(standings(edge_0="10.77.0.101"))
    details = {"route read": "sessions-1", "full read": "9 connections"}
    found["edge-0", "haproxy"] = Standing("replica", ready=True, details=details)
    assert led("read", found).trouble == "full: more clients wait until one leaves"


def test_a_member_is_whole_behind_a_route_once_the_checks_have_found_it_again() -> None:
    work = pool()
    assert work.traffic is not None
    gate = work.traffic("sessions", "sessions-1").undrain[0].until
    assert gate is not None
    assert gate.holds(standings()) == ""
    found = dict(standings())
    found["edge-0", "haproxy"] = balancer_standing(Answer(0, STAT))
    assert gate.holds(found) == "read of edge-0 does not lead to sessions-1 yet"


def test_a_drain_that_was_left_behind_is_drift() -> None:
    (wanted, _) = pool().objects
    row = "5 read 2 sessions-1 10.0.0.2 2 {} 1 1 9 15 3 4 6 0 0 0 - 6379 - 0 0 - - 0\n"
    head = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n"
    for state, said in (("0", "ready"), ("8", "drained"), ("1", "in maintenance")):
        found = wanted.read.parse(Answer(0, head + row.format(state)))
        assert found is not None
        assert found["read/sessions-1"] == said
        assert found["read/sessions-0"] == "ready"  # unknown yet: it comes with a reload
    assert wanted.read.parse(Answer(1, "")) is None
    assert wanted.desired["read/sessions-1"] == "ready"
    assert wanted.write({"read/sessions-1": "ready"}).argv[-2:] == ("ready", "read/sessions-1")


def test_a_switchover_is_refused_with_the_way_to_move_an_address() -> None:
    with pytest.raises(OpsError) as error:
        pool().operations.switchover({}, "")
    assert error.value.code == "haproxy/no-switchover"
    assert "opsctl restart edge" in error.value.hint


def test_signs_tell_a_route_from_its_votes() -> None:
    detected, switched = pool().member("edge-0").component("haproxy").signs
    up = "Server sessions/sessions-1 is UP, reason: Layer7 check passed"
    found = re.search(switched.pattern, up)
    assert found
    assert switched.words.format(**found.groupdict()) == "sessions leads to sessions-1"
    assert re.search(detected.pattern, up.replace("UP", "DOWN"))
    for other in (
        f"[WARNING]  (19614) : {up}",
        up.replace("sessions/", "votes:sessions:sessions-0/"),
    ):
        assert not re.search(switched.pattern, other)
    down = "Server sessions/sessions-0 is DOWN, changed from server-state after a reload"
    assert not re.search(detected.pattern, down)
