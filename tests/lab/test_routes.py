"""Routes through balancers beside the members, with one floating address, on real hosts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import redis
from host_state import assert_same_state, host_state
from lab_site import Ended, Site, await_until, members
from redis_client import await_whole
from route_client import (
    NOT_PRIMARY,
    ROUTES,
    SPEC,
    assert_no_balancers,
    client,
    holder,
    primary,
    replicas,
    route,
    server,
    serving,
    vip,
    visits,
    worker,
)

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

ALL = ("n1", "n2", "n3")


@pytest.fixture(scope="module")
def plain(make_site: MakeSite) -> Site:
    """Not built yet."""
    site = make_site("routes", 3, SPEC)
    site.write(site.spec + ROUTES.replace("VIP", vip(site)))
    return site


@pytest.fixture(scope="module")
def site(plain: Site) -> Site:
    ended = plain.apply("--output", "json")
    order = [line for line in ended.err.splitlines() if '"settle/' in line]
    assert "settle/sessions" in order[0]
    assert "settle/balancer-dc" in order[-1]
    assert f"write a key at {vip(plain)} port 6379 and read it back" in ended.err
    assert f"find a replica at {vip(plain)} port 6380" in ended.err
    await_whole(plain, "sessions")
    await_read(plain)
    return plain


def await_read(site: Site) -> None:
    """All replicas are served: an apply ends when each route leads to somebody."""
    await_until(lambda: set(route(site, "read")["serving"]), lambda found: found == replicas(site),
                "all replicas to be served")  # fmt: skip


def address_of(site: Site, member: str) -> str:
    return next(str(one["address"]) for one in members(site.status(), "sessions")
                if one["name"] == member)  # fmt: skip


# -- built --------------------------------------------------------------------------------------


def test_writes_reach_the_primary_and_reads_the_replicas_each_in_turn(site: Site) -> None:
    site.assert_converged()
    with client(site, vip(site)) as one:
        one.set("through", "the route")
        assert server(one) == address_of(site, primary(site))
        assert one.role()[0] == "master"
    met = []
    for _ in range(6):
        with client(site, vip(site), 6380) as one:
            assert one.role()[0] == "slave"
            met.append(server(one))
    assert set(met) == {address_of(site, name) for name in replicas(site)}
    assert met[0::2] == [met[0]] * 3
    assert met[1::2] == [met[1]] * 3


def test_status_shows_each_route_who_holds_its_address_and_who_gets_clients(site: Site) -> None:
    found = route(site)
    assert found["doors"] == [f"{vip(site)}:6379"]
    assert found["serving"] == [primary(site)]
    assert found["away"] == dict.fromkeys(replicas(site), NOT_PRIMARY)
    assert found["healthy"]
    (member,) = found["through"]
    where = next(m["where"] for m in members(site.status(), "balancer-dc") if m["name"] == member)
    assert where == f"dc/{holder(site, vip(site))}"
    read = route(site, "read")
    assert set(read["serving"]) == replicas(site)
    shown = site.ok("status", "--check").out
    assert "routes\n" in shown
    assert f"{vip(site)}:6379" in shown
    assert f"{primary(site)} does not say that it is a replica in touch" in shown


def test_a_picture_shows_the_way_of_clients(site: Site) -> None:
    (through,) = route(site)["through"]
    text = site.ok("graph").out
    assert f"sessions  {vip(site)}:6379 → {through} → {primary(site)}" in text
    mermaid = site.ok("graph", "--as", "mermaid").out
    assert f'clients == "sessions {vip(site)}:6379" ==> m_{through.replace("-", "_")}' in mermaid
    assert f"{vip(site)}:6380" in site.ok("graph", "--as", "svg").out
    assert f"sessions  {vip(site)}:6379" in site.ok("graph", "--offline").out


def test_a_switchover_takes_the_route_along(site: Site) -> None:
    to = min(replicas(site))
    site.ok("switchover", "sessions", "--to", to, "--yes")
    await_until(lambda: route(site)["serving"], lambda found: found == [to], "the new primary")
    with client(site, vip(site)) as one:
        assert server(one) == address_of(site, to)
        one.set("after", "the switchover")


# -- changed ------------------------------------------------------------------------------------


def test_a_reload_cuts_no_connection_and_the_new_process_alone_lets_clients_in(site: Site) -> None:
    host = holder(site, vip(site))
    before = worker(site, host)
    with client(site, vip(site)) as one:
        known = one.client_id()
        site.edit("routes:\n", "routes:\n  any: {to: sessions, role: any, vip: VIP, port: 6381}\n")
        site.write(site.spec.replace("VIP", vip(site)))
        planned = site.plan()
        assert {change["impact"] for step in planned["steps"] for change in step["changes"]} == {
            "none",
            "reload",
        }
        site.ok("apply", "--yes")
        site.assert_converged()
        until = time.monotonic() + 5
        while time.monotonic() < until:
            assert one.client_id() == known
        others = [client(site, vip(site)) for _ in range(20)]
        for other in others:
            other.ping()
        met = serving(site, host, 6379)
        assert met.count(before) == 1
        assert met.count(worker(site, host)) == 20
        for other in others:
            other.close()
        assert one.client_id() == known
    with client(site, vip(site), 6381) as one:
        assert one.ping()
    assert len(route(site, "any")["serving"]) == 3


def test_source_leads_a_client_to_the_same_member_again_and_again(site: Site) -> None:
    site.edit("role: any, ", "role: any, balance: source, ")
    site.ok("apply", "--yes")
    met = set()
    for _ in range(8):
        with client(site, vip(site), 6381) as one:
            met.add(server(one))
    assert len(met) == 1


def test_more_clients_than_a_route_may_have_wait_for_one_that_leaves(site: Site) -> None:
    site.edit("role: any, ", "role: any, max_connections: 2, ")
    site.ok("apply", "--yes")
    first, second = (client(site, vip(site), 6381) for _ in range(2))
    first.ping()
    second.ping()
    with pytest.raises(redis.TimeoutError):
        client(site, vip(site), 6381, timeout=0.5).ping()
    assert route(site, "any")["full"] == "2 connections"
    assert site.run("status", "--check").exit == 3
    first.close()
    with client(site, vip(site), 6381) as third:
        assert third.ping()
    second.close()
    site.edit("max_connections: 2, ", "")
    site.ok("apply", "--yes")


def test_a_member_that_restarts_gets_no_client_and_is_back_before_the_next_one(site: Site) -> None:
    with visits(site, vip(site), 6380) as readers, visits(site, vip(site), 6379) as writers:
        site.ok("restart", "sessions", "--yes", "--max-impact", "failover")
    assert len(readers.roles) > 20
    assert readers.failed == []
    assert writers.roles[-1] == "master"
    await_read(site)
    site.assert_converged()


def test_what_a_killed_run_left_drained_is_seen_and_put_back(site: Site) -> None:
    running = site.begin("restart", "sessions", "--yes", "--max-impact", "failover")
    # The first balancer has done it when it is the second one's turn.
    words = "keep clients of balancer-dc-1 away"
    running.until(lambda event: words in event["words"], "a member to be drained")
    running.kill()
    assert "drained → ready" in site.run("plan").out
    site.once_free("apply", "--yes", "--max-impact", "failover")
    assert "drained" not in site.run("plan").out
    site.assert_converged()
    await_whole(site, "sessions")


# -- bad days -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("10.99.0.1", "[hosts/vip-outside]"),
        ("HOST", "[hosts/vip-taken]"),
        ("{address: FREE, interface: eth7}", "[hosts/vip-interface]"),
    ],
)
def test_an_address_that_can_not_be_had_is_refused_and_nothing_changes(
    written: str, words: str, site: Site
) -> None:
    before = host_state(site, times=True)
    value = written.replace("HOST", site.lab.hosts[2].address).replace("FREE", vip(site, 102))
    spec = site.spec.replace(f"vip: {vip(site)}", f"vip: {value}")
    (site.folder / "other.yaml").write_text(spec)
    planned = site.run("plan", "-f", "other.yaml")
    assert planned.exit == 4, planned.out
    assert words in planned.out
    site.refused(4, "apply/blocked", "apply", "--yes", "-f", "other.yaml")
    assert_same_state(site, before, times=True)


def test_without_any_member_clients_are_let_go_and_status_says_why(site: Site) -> None:
    for number, host in enumerate(site.lab.hosts):
        site.shell(host.name, f"systemctl stop 'opsctl-shop-sessions-redis@sessions-{number}'")
    found = await_until(
        lambda: [route(site, name) for name in ("sessions", "read")],
        lambda routes: not any(one["serving"] for one in routes),
        "nobody to serve",
    )
    assert set(found[0]["away"].values()) == {"lets nobody in"}
    assert "has nobody to lead to: it lets clients in and closes at once" in found[0]["trouble"]
    with pytest.raises(redis.ConnectionError, match="closed"):
        client(site, vip(site)).ping()
    checked = site.run("status", "--check")
    assert checked.exit == 3
    assert "sessions: balancer-dc-" in checked.out
    site.apply()
    site.assert_converged()
    with client(site, vip(site)) as one:
        one.set("after", "the night")
    assert site.run("status", "--check").exit == 0


REFUSING = """#!/bin/sh
# Another build of HAProxy, which does not know a word.
for word; do [ "$word" = -c ] && { echo "unknown keyword 'tcp-ut' in 'backend'" >&2; exit 1; }; done
exec /usr/sbin/haproxy "$@"
"""


def test_a_file_that_haproxy_refuses_is_not_put_in_place_and_the_old_one_serves_on(
    site: Site, tmp_path: Path
) -> None:
    old = site.spec
    host = holder(site, vip(site))
    program = "/usr/local/sbin/haproxy"
    site.on(host, "sh", "-c", f"cat >{program} && chmod 755 {program}", text=REFUSING)
    with client(site, vip(site)) as one:
        known = one.client_id()
        site.edit("balance: roundrobin", "balance: first")
        ended = site.run("apply", "--yes")
        assert ended.exit in (3, 5), ended.err
        assert "hosts/file-refused" in ended.err
        assert "unknown keyword 'tcp-ut' in 'backend'" in ended.err
        assert one.client_id() == known
    with client(site, vip(site)) as one:
        assert one.ping()
    site.on(host, "rm", program)
    site.ok("apply", "--yes")
    site.assert_converged()
    site.write(old)
    site.ok("apply", "--yes")


def test_a_balancer_that_is_cut_off_leaves_the_address_to_the_other_one(site: Site) -> None:
    address = vip(site)
    held = holder(site, address)
    balancers = {str(one["where"]).removeprefix("dc/"): one
                 for one in members(site.status(), "balancer-dc")}  # fmt: skip
    (alone,) = set(balancers) - {held}
    fault = site.lab.faults.partition([alone], [host for host in ALL if host != alone], for_=240)

    def reason() -> str:
        mine = next(one for one in members(site.status(), "balancer-dc")
                    if one["name"] == balancers[alone]["name"])  # fmt: skip
        return str(next(one["reason"] for one in mine["components"] if one["name"] == "haproxy"))

    await_until(reason, lambda said: f"it leaves {address} to others" in said, "it to notice")
    await_until(lambda: holder(site, address), lambda host: host == held, "one holder")

    def write() -> str:
        try:
            with client(site, address) as one:
                return str(one.set("during", "the cut"))
        except redis.RedisError as error:
            return str(error)

    await_until(write, lambda said: said == "True", "clients to be served")
    site.lab.faults.heal(fault)
    await_until(lambda: site.run("status", "--check").exit, lambda exit: exit == 0, "it back")
    await_whole(site, "sessions")
    assert holder(site, address) == held
    site.assert_converged()


def test_a_restart_moves_the_address_when_its_holder_s_turn_comes_and_that_is_last(
    site: Site,
) -> None:
    host = holder(site, vip(site))
    ended = site.ok("restart", "balancer-dc", "--yes", "--max-impact", "failover", "--output",
                    "json")  # fmt: skip
    order = [line for line in ended.err.splitlines() if '"begin"' in line and "member/" in line]
    held = next(m["name"] for m in members(site.status(), "balancer-dc")
                if m["where"] == f"dc/{host}")  # fmt: skip
    assert held in order[-1]
    assert holder(site, vip(site)) not in ("", host)
    with client(site, vip(site)) as one:
        assert one.ping()
    site.assert_converged()


# -- taken down ---------------------------------------------------------------------------------


def test_without_its_routes_a_service_goes_on_and_nothing_is_left_of_the_balancers(
    site: Site,
) -> None:
    site.write(site.spec.partition("routes:")[0])
    ended: Ended = site.run("apply", "--yes", "--prune", "--max-impact", "failover")
    assert ended.exit == 0, ended.err
    assert_no_balancers(site, [vip(site)], *ALL)
    site.assert_converged()
    await_whole(site, "sessions")


def test_a_destroy_takes_services_and_balancers_along(site: Site) -> None:
    site.write(site.spec + ROUTES.replace("VIP", vip(site)))
    site.apply()
    assert holder(site, vip(site))
    site.ok("destroy", "--yes", "--delete-data", "sessions", "--max-impact", "failover")
    assert_no_balancers(site, [vip(site)], *ALL)
