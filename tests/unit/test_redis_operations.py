"""Operations: the right calls in the right order, and no harm from stopping at any of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis_world import Pretend, described, filled

from opsctl.engines.redis import gates
from opsctl.errors import Exit, OpsError
from opsctl.workload import Answer, Workload


def _words(acts: object) -> list[str]:
    return [act.call.words for act in acts]  # type: ignore[attr-defined]


def test_a_switchover_prefers_pauses_promotes_and_demotes_in_this_order() -> None:
    shop = Pretend(described())
    acts = shop.workload.operations.switchover(shop.standings(), "shop-2")
    assert _words(acts) == [
        "prefer shop-2",
        "wait until no failover is going on",
        "pause writes on shop-0",
        "ask Sentinel to promote shop-2",
        "make shop-0 follow shop-2",
        "prefer shop-2 no more",
    ]
    shop.perform(acts)
    shop.expect(shop.workload.formed)
    assert shop.accepting == ["shop-2"]


def test_with_one_replica_sentinel_has_no_choice_so_nothing_is_preferred() -> None:
    shop = Pretend(described(2))
    acts = shop.workload.operations.switchover(shop.standings(), "")
    assert not any(words.startswith("prefer") for words in _words(acts))


def test_an_order_goes_to_a_sentinel_that_acts() -> None:
    shop = Pretend(described(), tilted={"shop-0"})
    acts = shop.workload.operations.switchover(shop.standings(), "")
    (order,) = (act for act in acts if act.call.words.startswith("ask Sentinel"))
    assert order.call.member == "shop-1"


def test_where_no_sentinel_acts_the_switchover_waits_before_writes_do() -> None:
    shop = Pretend(described(), tilted={"shop-0", "shop-1", "shop-2"})
    acts = shop.workload.operations.switchover(shop.standings(), "shop-2")
    (calm,) = (act for act in acts if act.call.words.startswith("wait until"))
    assert calm.until is not None
    assert "acts on nothing for 30 s (tilt)" in calm.until.holds(shop.standings())
    assert calm.until.timeout > 30
    shop.tilted.clear()
    assert calm.until.holds(shop.standings()) == ""


def test_who_was_promoted_in_place_of_the_wanted_one_is_named() -> None:
    shop = Pretend(described())
    acts = shop.workload.operations.switchover(shop.standings(), "shop-2")
    (order,) = (act for act in acts if act.call.words.startswith("ask Sentinel"))
    assert order.until is not None
    assert order.until.holds(shop.standings()) == "shop-2 is not primary yet"
    shop.tilted = {"shop-0"}
    assert "the Sentinel of shop-0 stood still" in order.until.holds(shop.standings())
    shop.servers["shop-1"].role = "primary"
    assert order.until.holds(shop.standings()) == (
        "shop-2 is not primary yet: shop-1 was promoted, by a failover that was going on already"
    )


def test_failover_is_never_sent_to_a_server() -> None:
    shop = Pretend(described())
    for acts in (
        shop.workload.operations.switchover(shop.standings(), ""),
        shop.workload.operations.failover(shop.standings(), ""),
    ):
        for act in acts:
            commands = act.call.stdin.fill(filled)
            assert "FAILOVER" not in commands or act.call.component == "sentinel"


@pytest.mark.parametrize("mode", ["sentinel", "replication"])
@pytest.mark.parametrize("target", ["shop-1", "shop-2"])
def test_a_switchover_stopped_anywhere_never_has_two_that_accept_and_can_be_done_again(
    mode: str, target: str
) -> None:
    length = len(
        (first := Pretend(described(mode=mode))).workload.operations.switchover(
            first.standings(), target
        )
    )
    for stop_after in range(length + 1):
        shop = Pretend(described(mode=mode))
        switchover = shop.workload.operations.switchover
        shop.perform(switchover(shop.standings(), target), stop_after)
        assert len(shop.accepting) == 1
        shop.settle()
        shop.perform(switchover(shop.standings(), target))
        assert shop.accepting == [target]
        assert not any(server.paused for server in shop.servers.values())


@pytest.mark.parametrize("mode", ["sentinel", "replication"])
def test_writes_are_held_for_as_long_as_a_promotion_takes(mode: str) -> None:
    shop = Pretend(described(mode=mode))
    acts = shop.workload.operations.switchover(shop.standings(), "shop-1")
    (first,) = (at for at, act in enumerate(acts) if act.call.words.startswith("pause"))
    (demoted,) = (at for at, act in enumerate(acts) if act.call.words.startswith("make shop-0"))
    for act in acts[first:demoted]:
        assert act.meanwhile == acts[first].call
    assert all(act.meanwhile is None for act in (*acts[:first], *acts[demoted:]))


def test_an_interrupted_preference_is_undone() -> None:
    shop = Pretend(described())
    shop.perform(shop.workload.operations.switchover(shop.standings(), "shop-2"), stop_after=2)
    assert shop.servers["shop-2"].priority == "100"
    assert not shop.servers["shop-0"].paused


def test_a_switchover_to_the_primary_has_nothing_to_do() -> None:
    shop = Pretend(described())
    assert shop.workload.operations.switchover(shop.standings(), "shop-0") == ()


def test_a_switchover_to_a_member_that_is_down_is_refused() -> None:
    shop = Pretend(described())
    shop.servers["shop-2"].up = False
    with pytest.raises(OpsError, match="shop-2 can't take over") as caught:
        shop.workload.operations.switchover(shop.standings(), "shop-2")
    assert caught.value.exit is Exit.REFUSED


@pytest.mark.parametrize("mode", ["sentinel", "replication"])
@pytest.mark.parametrize("fault", [{"appended": "err"}, {"saved": "err"}])
def test_a_switchover_leaves_out_a_replica_whose_disk_takes_nothing(
    mode: str, fault: dict[str, str]
) -> None:
    shop = Pretend(described(mode=mode))
    for name, value in fault.items():
        setattr(shop.servers["shop-2"], name, value)
    shop.servers["shop-2"].offset = 200
    shop.perform(shop.workload.operations.switchover(shop.standings(), ""))
    assert shop.accepting == ["shop-1"]


def test_a_switchover_to_a_replica_that_cannot_append_is_refused() -> None:
    shop = Pretend(described())
    shop.servers["shop-2"].appended = "err"
    with pytest.raises(OpsError, match="shop-2 can't take over"):
        shop.workload.operations.switchover(shop.standings(), "shop-2")


def test_where_no_other_is_left_a_failed_snapshot_is_no_hindrance() -> None:
    shop = Pretend(described())
    for member in ("shop-1", "shop-2"):
        shop.servers[member].saved = "err"
    shop.perform(shop.workload.operations.switchover(shop.standings(), ""))
    assert shop.accepting == ["shop-2"]


def test_a_switchover_to_a_stranger_names_the_members() -> None:
    shop = Pretend(described())
    with pytest.raises(OpsError, match="shop-0, shop-1, shop-2"):
        shop.workload.operations.switchover(shop.standings(), "web-1")


def test_a_switchover_without_a_majority_of_sentinels_is_refused() -> None:
    shop = Pretend(described(5))
    for member in ("shop-2", "shop-3", "shop-4"):
        shop.servers[member].up = False
    with pytest.raises(OpsError, match="2 of 5 Sentinels"):
        shop.workload.operations.switchover(shop.standings(), "")


def test_failover_after_the_primarys_death_waits_for_another_primary() -> None:
    shop = Pretend(described())
    shop.servers["shop-0"].up = False
    acts = shop.workload.operations.failover(shop.standings(), "")
    assert _words(acts) == ["ask Sentinel for a failover"]
    shop.perform(acts)
    assert shop.accepting == ["shop-1"]


def test_failover_of_a_primary_that_answers_demotes_it_at_once() -> None:
    shop = Pretend(described())
    shop.servers["shop-2"].offset = 200
    shop.perform(shop.workload.operations.failover(shop.standings(), ""))
    assert shop.accepting == ["shop-2"]
    assert shop.servers["shop-0"].following == "shop-2"


@pytest.mark.parametrize("verb", ["switchover", "failover"])
def test_a_failover_that_sentinel_has_begun_already_is_no_refusal(verb: str) -> None:
    shop = Pretend(described())
    acts = getattr(shop.workload.operations, verb)(shop.standings(), "")
    (act,) = [one for one in acts if "ask Sentinel" in one.call.words]
    assert act.call.refused(Answer(0, "OK\nINPROG Failover already in progress\n")) == ""
    assert act.call.refused(Answer(0, "OK\nNOGOODSLAVE No suitable replica to promote\n"))


def test_replication_mode_refuses_failover_while_the_primary_serves() -> None:
    shop = Pretend(described(mode="replication"))
    with pytest.raises(OpsError, match="shop-0 is primary and serves"):
        shop.workload.operations.failover(shop.standings(), "")


def test_replication_mode_promotes_the_replica_that_has_most() -> None:
    shop = Pretend(described(mode="replication"))
    shop.servers["shop-0"].up = False
    shop.servers["shop-2"].offset = 200
    shop.perform(shop.workload.operations.failover(shop.standings(), ""))
    assert shop.accepting == ["shop-2"]
    assert shop.servers["shop-1"].following == "shop-2"


@pytest.mark.parametrize(("ahead", "promoted"), [(0, "shop-2"), (1, "shop-1")])
def test_of_those_that_have_most_one_whose_disk_takes_writes_is_promoted(
    ahead: int, promoted: str
) -> None:
    shop = Pretend(described(mode="replication"))
    shop.servers["shop-0"].up = False
    shop.servers["shop-1"].appended = "err"
    shop.servers["shop-1"].offset += ahead
    shop.perform(shop.workload.operations.failover(shop.standings(), ""))
    assert shop.accepting == [promoted]


def test_handover_leaves_a_replica_and_a_lone_member_alone() -> None:
    shop = Pretend(described())
    assert shop.workload.rolling.handover(shop.standings(), "shop-1") == ()
    alone = Pretend(described(1))
    assert alone.workload.rolling.handover(alone.standings(), "shop-0") == ()


def test_removing_the_primary_hands_over_first() -> None:
    shop = Pretend(described())
    shop.perform(shop.workload.operations.remove(shop.standings(), "shop-0"))
    assert shop.accepting == ["shop-2"]


def test_shrinking_below_quorum_is_refused() -> None:
    shop = Pretend(described())
    shop.servers["shop-1"].up = False
    with pytest.raises(OpsError, match="1 of 3 Sentinels are up; 2 must be"):
        shop.workload.operations.remove(shop.standings(), "shop-2")


def test_two_members_may_become_one() -> None:
    shop = Pretend(described(2))
    assert shop.workload.operations.remove(shop.standings(), "shop-1") == ()


def test_each_remaining_sentinel_forgets_in_turn_and_in_calm() -> None:
    shop = Pretend(described())
    shop.servers["shop-2"].up = False
    acts = shop.workload.operations.forget(shop.standings(), ("shop-2",))
    assert [(act.call.member, act.call.component) for act in acts] == [
        ("shop-0", "sentinel"),
        ("shop-0", "sentinel"),
        ("shop-1", "sentinel"),
        ("shop-1", "sentinel"),
    ]
    shop.perform(acts)
    assert shop.known["shop-0"] == shop.known["shop-1"] == {"shop-0", "shop-1"}


def _with_one_too_many() -> tuple[Pretend, Workload]:
    """The Sentinels still know shop-3, whose host left the spec. The spec has three members."""
    shop = Pretend(described(4))
    shop.servers["shop-3"].up = False
    return shop, described(3)


def test_who_is_no_member_is_told_by_address_and_forgotten_in_turn() -> None:
    shop, spec = _with_one_too_many()
    assert spec.formed.holds(shop.standings()) == ""
    assert spec.strays(shop.standings()) == "10.0.0.4:6379 and 1 Sentinel of nobody"
    acts = spec.operations.forget(shop.standings(), ())
    assert _words(acts) == [
        "wait until who is no member is down",
        *(
            words
            for member in spec.members()
            for words in (
                "wait until no failover is going on",
                f"make the Sentinel of {member.name} forget who is no member",
            )
        ),
    ]
    shop.perform(acts)
    assert set(map(len, shop.known.values())) == {3, 4}  # shop-3's own, which is down
    assert spec.strays(shop.standings()) == ""


def test_a_service_of_its_own_members_has_nobody_to_forget() -> None:
    for mode in ("sentinel", "replication"):
        shop = Pretend(described(mode=mode))
        assert shop.workload.strays(shop.standings()) == ""


def test_as_long_as_a_member_is_silent_nobody_is_a_stray() -> None:
    shop, spec = _with_one_too_many()
    for component in ("redis", "sentinel"):
        standings = {
            key: one for key, one in shop.standings().items() if key != ("shop-1", component)
        }
        assert spec.strays(standings) == ""


def test_a_stray_that_lives_is_waited_for_and_named_before_anybody_forgets() -> None:
    shop, spec = _with_one_too_many()
    shop.servers["shop-3"].up = True
    mine = {key: one for key, one in shop.standings().items() if key[0] != "shop-3"}
    first = spec.operations.forget(mine, ())[0]
    assert "RESET" not in first.call.stdin.fill(filled)
    assert first.until is not None
    assert first.until.holds(mine) == (
        "10.0.0.4:6379 lives and could become primary: stop it, or take its host back"
    )


TOOL = "10.0.9.9:10007"


@pytest.mark.parametrize(
    ("flags", "what"),
    [
        ("slave", "the Sentinels may make it primary"),
        ("s_down,slave,disconnected", "the Sentinels count it as a replica that is down"),
    ],
)
def test_who_follows_the_primary_and_was_no_member_is_told_and_let_be(
    flags: str, what: str
) -> None:
    shop = Pretend(described(), strangers={TOOL: flags})
    assert shop.workload.formed.holds(shop.standings()) == ""
    assert shop.workload.strays(shop.standings()) == ""
    (told,) = shop.workload.strangers(shop.standings())
    assert told.message == f"{TOOL} follows the primary and is no member; {what}"
    assert "replica-priority 0" in told.hint


def test_who_left_is_forgotten_beside_one_that_follows_on_purpose() -> None:
    shop, spec = _with_one_too_many()
    shop.strangers = {TOOL: "slave"}
    assert spec.strays(shop.standings()) == "10.0.0.4:6379 and 1 Sentinel of nobody"
    shop.perform(spec.operations.forget(shop.standings(), ()))
    assert spec.strays(shop.standings()) == ""
    assert [TOOL in str(told) for told in spec.strangers(shop.standings())] == [True]


def test_a_member_leaves_beside_one_that_follows_on_purpose() -> None:
    shop = Pretend(described(), strangers={TOOL: "slave"})
    shop.servers["shop-2"].up = False
    shop.perform(shop.workload.operations.forget(shop.standings(), ("shop-2",)))
    assert shop.known["shop-0"] == shop.known["shop-1"] == {"shop-0", "shop-1"}


def test_a_former_member_that_still_follows_is_no_stranger() -> None:
    shop, spec = _with_one_too_many()
    shop.servers["shop-3"].up = True
    mine = {key: one for key, one in shop.standings().items() if key[0] != "shop-3"}
    assert spec.strangers(mine) == ()
    assert spec.strays(mine) == "10.0.0.4:6379 and 1 Sentinel of nobody"


def test_nobody_is_a_stray_or_a_stranger_of_a_service_for_following_another_one() -> None:
    other, spec = _with_one_too_many()
    other.strangers = {TOOL: "slave"}
    jobs = {(member.replace("shop", "jobs"), part): one for (member, part), one in
            other.standings().items()}  # fmt: skip
    shop = Pretend(described())
    assert spec.strays({**jobs, **shop.standings()}) == ""
    assert spec.strangers({**jobs, **shop.standings()}) == ()
    both = {**jobs, **other.standings()}
    assert spec.strays(both) == "10.0.0.4:6379 and 1 Sentinel of nobody"


@pytest.mark.parametrize("can_not", ["priority 10.0.0.4:6379", "priority 10.0.0.4:0"])
def test_a_replica_that_can_never_be_primary_is_let_be(can_not: str) -> None:
    """Somebody's own with priority 0, or a backup's program, which has no port."""
    shop = Pretend(described(3))
    beside = {can_not: "0" if can_not.endswith("6379") else "100", "replicas": "3"}
    standings = {
        key: replace(one, details={**one.details, **beside}) if key[1] == "sentinel" else one
        for key, one in shop.standings().items()
    }
    assert shop.workload.strays(standings) == ""
    members = tuple(member.name for member in shop.workload.members())
    assert gates.forgotten("shop-1", members).holds(standings) == ""


def test_the_proof_writes_once_and_reads_everywhere() -> None:
    shop = Pretend(described())
    acts = shop.workload.operations.prove(shop.standings())
    assert [act.call.member for act in acts] == ["shop-0", "shop-1", "shop-2"]
    commands = acts[0].call.stdin.fill(filled).splitlines()[1:]
    assert commands == [
        "SET opsctl:proof proof-100 EX 60",
        "WAIT 2 5000",
        "GET opsctl:proof",
    ]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("OK\nOK\n2\nproof-100\n", ""),
        ("OK\nNOREPLICAS Not enough good replicas to write.\n\n0\n\n", "NOREPLICAS"),
        ("OK\nOK\n2\nproof-7\n", "read proof-7 where proof-100 was written"),
        ("WRONGPASS invalid username-password pair\n", "WRONGPASS"),
    ],
)
def test_the_proof_holds_only_when_the_value_came_back(said: str, reason: str) -> None:
    shop = Pretend(described())
    write = shop.workload.operations.prove(shop.standings())[0].call
    refused = write.refused(Answer(0, said))
    assert refused.startswith(reason) if reason else refused == ""


def test_in_replication_mode_a_switchover_to_the_primary_gathers_those_who_stray() -> None:
    shop = Pretend(described(mode="replication"))
    switchover = shop.workload.operations.switchover
    shop.perform(switchover(shop.standings(), "shop-1"), stop_after=2)
    assert shop.workload.formed.holds(shop.standings()) != ""
    acts = switchover(shop.standings(), "shop-1")
    assert _words(acts) == ["make shop-2 follow shop-1"]
    shop.perform(acts)
    shop.expect(shop.workload.formed)
