"""A Redis with Sentinel through its life: built, changed, broken, repaired, scaled, taken down."""

from __future__ import annotations

import socket

import pytest
from lab_site import Site, await_until
from redis_client import assert_written, await_whole, primary, roles, sentinel, write

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]
UNIT = "opsctl-shop-sessions-redis@sessions-{}.service"


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    site = make_site("life", hosts=4)
    site.apply()
    return site


def host_of(site: Site, member: str) -> str:
    for service in site.status()["services"]:
        for item in service["members"]:
            if item["name"] == member:
                return str(item["where"]).partition("/")[2]
    raise AssertionError(member)


def answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 2).close()
    except OSError:
        return False
    return True


def primary_member(site: Site) -> str:
    return next(name for name, role in roles(site, "sessions").items() if role == "primary")


def started(site: Site) -> dict[str, str]:
    """Member to the process id of its data server."""
    return {
        member: site.shell(
            host_of(site, member), f"systemctl show -P MainPID {UNIT.format(member[-1])}"
        ).strip()
        for member in roles(site, "sessions")
    }


def test_an_apply_builds_a_service_that_serves(site: Site) -> None:
    assert await_whole(site, "sessions")["sessions-0"] == "primary"
    write(site, "sessions", 100)
    assert_written(site, "sessions", 100)


def test_a_second_plan_is_empty(site: Site) -> None:
    ended = site.run("plan", "--exit-code")
    assert ended.exit == 0, ended.out


def bounds(site: Site) -> dict[str, tuple[str, str]]:
    """Member to what its data server keeps to, and what systemd keeps it to."""
    found = {}
    for member in roles(site, "sessions"):
        auth = f"/etc/opsctl/shop/sessions/{member}/redis.auth"
        ask = f"printf 'AUTH opsctl %s\\nCONFIG GET maxmemory\\n' \"$(cat {auth})\" | redis-cli"
        show = f"systemctl show -P MemoryMax {UNIT.format(member[-1])}"
        said = site.shell(host_of(site, member), f"{ask}; {show}").split()
        found[member] = (said[-2], said[-1])
    return found


def test_more_memory_is_given_to_the_running_servers(site: Site) -> None:
    before = started(site)
    mib = 1024**2
    assert set(bounds(site).values()) == {(str(64 * mib), str((64 + 32 + 64) * mib))}
    site.edit("memory: 64MiB", "memory: 96MiB")
    planned = site.plan()
    assert {step["impact"] for step in planned["steps"]} == {"none"}
    site.ok("apply", "--yes", "--max-impact", "none")
    assert started(site) == before
    assert set(bounds(site).values()) == {(str(96 * mib), str((96 + 48 + 64) * mib))}
    assert site.run("plan", "--exit-code").exit == 0
    site.edit("memory: 96MiB", "memory: 64MiB")
    site.ok("apply", "--yes", "--max-impact", "none")
    assert started(site) == before
    site.assert_converged()


def test_a_live_setting_changes_without_a_restart(site: Site) -> None:
    before = started(site)
    site.edit("memory: 64MiB", "memory: 64MiB\n    settings: {maxmemory-policy: allkeys-lru}")
    site.apply()
    assert started(site) == before
    assert primary(site, "sessions").ping()
    site.assert_converged()


def test_what_a_colleague_set_by_hand_is_drift_and_apply_sets_it_back(site: Site) -> None:
    auth = "/etc/opsctl/shop/sessions/sessions-1/redis.auth"
    said = "CONFIG SET maxmemory-policy noeviction"
    script = f"printf 'AUTH opsctl %s\\n%s\\n' \"$(cat {auth})\" '{said}' | redis-cli -p 6379"
    assert "OK\nOK" in site.shell(host_of(site, "sessions-1"), script)
    drifted = site.run("drift")
    assert drifted.exit == 3
    assert "maxmemory-policy" in drifted.out
    site.apply()
    assert site.run("drift").exit == 0


def test_a_setting_that_needs_a_restart_goes_round_one_by_one_the_primary_last(site: Site) -> None:
    before = started(site)
    old_primary = primary_member(site)
    site.edit("allkeys-lru}", "allkeys-lru, databases: 8}")
    planned = site.plan()
    impacts = {step["members"][0]: step["impact"] for step in planned["steps"] if step["members"]}
    assert impacts[old_primary] == "failover"
    site.refused(4, "apply/impact", "apply", "--yes", "--max-impact", "restart")
    site.apply()
    after = started(site)
    assert all(after[member] != before[member] for member in before)
    assert primary_member(site) != old_primary
    assert_written(site, "sessions", 100)
    site.assert_converged()


def test_a_setting_that_the_server_refuses_stops_at_the_first_member(site: Site) -> None:
    before = started(site)
    site.edit("databases: 8}", "databases: 8, maxmemory-samples: 1000}")
    ended = site.run("apply", "--yes", "--max-impact", "failover")
    assert ended.exit == 1, ended.err
    assert "maxmemory-samples" in ended.err
    assert started(site) == before
    for member in before:
        live = site.shell(
            host_of(site, member), f"cat /etc/opsctl/shop/sessions/{member}/live.conf"
        )
        assert "1000" not in live
    assert "unfinished" in site.run("status").out
    site.edit(", maxmemory-samples: 1000}", "}")
    site.assert_converged()
    site.apply()  # nothing is left to do, and everybody is told
    assert "unfinished" not in site.run("status").out


def test_a_server_that_does_not_come_up_stops_there_and_rollback_mends_it(site: Site) -> None:
    before = started(site)
    site.edit("databases: 8}", "databases: 8, io-threads: 500}")
    ended = site.run("apply", "--yes", "--max-impact", "failover")
    assert ended.exit in (1, 5), ended.err
    assert "io-threads" in ended.err  # the server's last words
    after = roles(site, "sessions")
    untouched = [member for member, role in after.items() if role != "unknown"]
    assert len(untouched) == 2
    assert all(started(site)[member] == before[member] for member in untouched)
    site.ok("rollback", "--yes", "--max-impact", "failover")
    await_whole(site, "sessions")
    site.edit(", io-threads: 500}", "}")
    site.assert_converged()


def test_a_killed_primary_comes_back_as_a_replica_and_the_plan_is_empty(site: Site) -> None:
    old = primary_member(site)
    unit = UNIT.format(old[-1])
    site.shell(host_of(site, old), f"systemctl kill -s KILL {unit}")
    await_other_primary(site, old)
    await_whole(site, "sessions")
    assert_written(site, "sessions", 100)
    site.assert_converged()


def await_other_primary(site: Site, old: str) -> None:
    def primaries() -> list[str]:
        return [name for name, role in roles(site, "sessions").items() if role == "primary"]

    await_until(primaries, lambda found: len(found) == 1 and found != [old], "a failover")


def test_a_killed_host_comes_back_as_a_replica(site: Site) -> None:
    old = primary_member(site)
    host = host_of(site, old)
    site.lab.faults.kill(host, for_=300)
    await_other_primary(site, old)
    seen = site.run("plan", "--exit-code")
    assert seen.exit == 6
    assert host in seen.out + seen.err
    site.lab.faults.start(host)
    await_whole(site, "sessions")
    site.assert_converged()


def test_all_hosts_rebooted_at_once_come_back_by_themselves(site: Site) -> None:
    hosts = [host.name for host in site.lab.hosts]
    site.lab.faults.restart(*hosts)
    await_whole(site, "sessions", seconds=90)
    assert_written(site, "sessions", 100)
    site.assert_converged()


def test_a_switchover_moves_the_primary_where_it_was_told(site: Site) -> None:
    target = next(name for name, role in roles(site, "sessions").items() if role == "replica")
    site.ok("switchover", "sessions", "--to", target, "--yes")
    assert primary_member(site) == target
    assert_written(site, "sessions", 100)
    site.assert_converged()


def test_a_restart_takes_members_one_by_one(site: Site) -> None:
    before = started(site)
    site.ok("restart", "sessions", "--yes")
    after = started(site)
    assert all(after[member] != before[member] for member in before)
    site.assert_converged()


def test_a_service_grows_and_shrinks_by_one_member_at_a_time(site: Site) -> None:
    site.ok("scale", "sessions", "4", "--yes")
    await_whole(site, "sessions", members=4)
    site.ok("scale", "sessions", "3", "--yes")
    await_whole(site, "sessions", members=3)
    assert_written(site, "sessions", 100)
    site.assert_converged()


def test_a_rollback_goes_back_to_the_revision_before(site: Site) -> None:
    site.edit("allkeys-lru", "volatile-lru")
    site.apply()
    site.ok("rollback", "--yes")
    site.edit("volatile-lru", "allkeys-lru")
    site.assert_converged()


def known(site: Site, *, without: str) -> set[tuple[int, int]]:
    """How many other Sentinels and replicas each Sentinel knows."""
    told = [
        one.sentinel_master("sessions")
        for one, host in zip(sentinel(site, "sessions").sentinels, site.lab.hosts, strict=True)
        if host.name != without and answers(host.address, 26379)
    ]
    return {(one["num-other-sentinels"], one["num-slaves"]) for one in told}


def test_a_host_that_is_gone_for_good_is_replaced_and_nobody_counts_it_any_more(
    site: Site,
) -> None:
    before = site.spec
    gone = host_of(site, next(name for name, role in roles(site, "sessions").items()
                              if role == "replica"))  # fmt: skip
    left = ", ".join(
        f"{host.name}: {{address: {host.address}}}" for host in site.lab.hosts if host.name != gone
    )
    ssh = f"{{user: root, key: {site.lab.key}, known_hosts: {site.lab.known_hosts}}}"
    site.lab.faults.kill(gone, for_=600)
    site.edit("{hosts: 'lab:life'}", f"{{hosts: {{{left}}}, ssh: {ssh}}}")
    site.apply()
    await_whole(site, "sessions")
    assert known(site, without=gone) == {(2, 2)}
    site.assert_converged()
    site.lab.faults.start(gone)  # it comes back, and is a host of the spec again
    site.write(before)
    site.apply()
    await_whole(site, "sessions")
    site.assert_converged()
    assert known(site, without="") == {(2, 2)}
    assert_written(site, "sessions", 100)


def test_destroy_takes_the_service_down_and_leaves_its_data(site: Site) -> None:
    site.ok("destroy", "--yes", "--max-impact", "failover")
    for host in site.lab.hosts:
        units = site.shell(host.name, "systemctl list-units --all --plain --no-legend 'opsctl-*'")
        assert units.strip() == ""
    data = site.shell("n1", "ls -d /var/lib/opsctl/shop/sessions/* 2>/dev/null || true")
    everywhere = data + site.shell("n2", "ls -d /var/lib/opsctl/shop/sessions/*")
    assert "sessions-" in everywhere


def test_destroy_deletes_data_when_its_name_is_given(site: Site) -> None:
    site.ok("destroy", "--yes", "--delete-data", "sessions")
    for host in site.lab.hosts:
        found = site.shell(host.name, "ls -d /var/lib/opsctl/shop/sessions/* 2>/dev/null || true")
        assert found.strip() == ""
