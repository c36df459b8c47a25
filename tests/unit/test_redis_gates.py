"""Gates say what is wrong, and hold only when nothing is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis_world import Pretend, address, described, seats

from opsctl.data import renderer
from opsctl.engines.redis import ENGINE, RedisService
from opsctl.workload import Directory, Standing, Standings


def _with(standings: Standings, member: str, component: str, **changed: object) -> Standings:
    found = dict(standings)
    found[member, component] = replace(found[member, component], **changed)
    return found


def _reason(standings: Standings, **keys: object) -> str:
    return described(**keys).formed.holds(standings)  # type: ignore[arg-type]


def test_a_whole_service_is_formed_in_either_mode() -> None:
    for mode in ("sentinel", "replication"):
        shop = Pretend(described(mode=mode))
        assert shop.workload.formed.holds(shop.standings()) == ""


def test_a_sentinel_that_believes_otherwise_is_named() -> None:
    standings = _with(
        Pretend(described()).standings(), "shop-1", "sentinel", following="10.9.9.9:1"
    )
    assert _reason(standings) == "the Sentinel of shop-1 believes in 10.9.9.9:1, not shop-0"


def test_two_primaries_are_both_named() -> None:
    standings = _with(Pretend(described()).standings(), "shop-2", "redis", role="primary")
    assert _reason(standings) == "shop-0 and shop-2 are both primary"


@pytest.mark.parametrize(
    ("named", "mends"),
    [
        (("shop-0", "shop-0", "shop-0"), {"shop-2"}),
        (("shop-0", "shop-0", "shop-2"), {"shop-2"}),
        (("shop-2", "shop-2", "shop-0"), {"shop-0"}),
        (("shop-0", "shop-1", "shop-2"), set()),
        (("shop-1", "shop-1", "shop-1"), set()),
    ],
)
def test_of_two_primaries_the_one_that_most_sentinels_do_not_name_is_restarted_without_a_wait(
    named: tuple[str, ...], mends: set[str]
) -> None:
    standings = _with(Pretend(described()).standings(), "shop-2", "redis", role="primary")
    for number, name in enumerate(named):
        believed = f"{address(name)}:6379"
        standings = _with(standings, f"shop-{number}", "sentinel", following=believed)
    rolling = described().rolling
    found = {f"shop-{n}" for n in range(3) if rolling.mends(standings, f"shop-{n}")}
    assert found == mends
    for member in found:
        assert rolling.handover(standings, member) == ()


def test_one_sentinel_of_three_and_none_at_all_disown_nobody() -> None:
    standings = _with(Pretend(described()).standings(), "shop-2", "redis", role="primary")
    alone = {key: one for key, one in standings.items() if key[1] == "redis" or key[0] == "shop-0"}
    assert not described().rolling.mends(alone, "shop-2")
    bare = described(mode="replication")
    two = _with(Pretend(bare).standings(), "shop-2", "redis", role="primary")
    assert not bare.rolling.mends(two, "shop-2")


def test_a_replica_of_somebody_else_is_named() -> None:
    standings = _with(
        Pretend(described()).standings(), "shop-2", "redis", following="10.0.0.2:6379"
    )
    assert _reason(standings) == "shop-2 follows 10.0.0.2:6379, not shop-0"


def test_a_sentinel_that_does_not_know_everybody_is_waited_for() -> None:
    shop = Pretend(described())
    shop.known["shop-1"] = {"shop-0", "shop-1"}
    assert _reason(shop.standings()) == "the Sentinel of shop-1 knows 2 of 3 Sentinels"


def test_a_sentinel_that_counts_somebody_who_is_gone_for_a_new_member_is_waited_for() -> None:
    shop = Pretend(described(4))
    shop.servers["shop-3"].up = False
    shop.known["shop-1"] = {"shop-0", "shop-1", "shop-3"}
    assert _reason(shop.standings()) == "the Sentinel of shop-1 does not know shop-2 yet"


@pytest.mark.parametrize("component", ["redis", "sentinel"])
def test_a_component_that_does_not_answer_is_named(component: str) -> None:
    standings = dict(Pretend(described()).standings())
    del standings["shop-1", component]
    assert "shop-1 does not answer" in _reason(standings)


def test_nobody_at_all_is_no_service() -> None:
    assert _reason({}) == "no member is primary"


def test_an_unknown_standing_counts_as_no_answer() -> None:
    silent = Standing(role="unknown", ready=False, reason="WRONGPASS")
    standings = {**Pretend(described()).standings(), ("shop-1", "redis"): silent}
    assert _reason(standings) == "shop-1 is not ready: WRONGPASS"


def test_a_replica_older_than_its_primary_is_told_that_it_can_never_follow() -> None:
    new = seats(2, sentinel=False)
    mixed = [new[0], replace(new[1], system="debian-12")]
    service = RedisService(engine="redis", on="dc", replicas=2, mode="replication")
    workload = ENGINE.describe("shop", service, mixed, renderer(ENGINE.templates), Directory())
    whole = Pretend(workload).standings()
    assert workload.formed.holds(whole) == ""
    away = _with(whole, "shop-1", "redis", ready=False, reason="no link")
    reason = workload.formed.holds(away)
    assert reason.startswith("shop-1 is not ready: no link (a 7.0 can't copy from shop-0's 8.0")
