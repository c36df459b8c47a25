"""Routes on Debian 12: HAProxy 2.6 and keepalived 2.2."""

from __future__ import annotations

import time

import pytest
from lab_site import Site, await_until
from redis_client import await_whole
from route_client import (
    NOT_PRIMARY,
    ROUTES,
    SPEC,
    client,
    holder,
    primary,
    replicas,
    route,
    serving,
    vip,
    worker,
)

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    site = make_site("routes12", 3, SPEC, system="debian-12")
    site.write(site.spec + ROUTES.replace("VIP", vip(site)))
    site.apply()
    await_whole(site, "sessions")
    return site


def test_the_versions_are_those_of_debian_12(site: Site) -> None:
    host = holder(site, vip(site))
    assert "version 2.6" in site.shell(host, "haproxy -v")
    assert "Keepalived v2.2" in site.shell(host, "keepalived --version 2>&1")


def test_clients_are_led_and_members_that_are_not_primary_are_known_as_such(site: Site) -> None:
    site.assert_converged()
    assert route(site)["away"] == dict.fromkeys(replicas(site), NOT_PRIMARY)
    assert site.run("status", "--check").exit == 0
    with client(site, vip(site)) as one:
        one.set("through", "the route")
    with client(site, vip(site), 6380) as one:
        assert one.role()[0] == "slave"


def test_neither_program_complains(site: Site) -> None:
    for host in ("n1", "n2"):
        units = "opsctl-shop-balancer-dc-*"
        said = site.shell(host, f"journalctl --no-pager -o cat -u '{units}' -p warning")
        assert said == ""
        log = site.shell(host, f"journalctl --no-pager -o cat -u '{units}'")
        known = ("changed from server-state", " is DOWN", " is UP", "backend", "Proxy ", "FD limit")
        warned = [line for line in log.splitlines() if "WARN" in line.upper()]
        assert [line for line in warned if not any(word in line for word in known)] == []


def test_a_switchover_takes_the_route_along(site: Site) -> None:
    to = min(replicas(site))
    site.ok("switchover", "sessions", "--to", to, "--yes")
    await_until(lambda: route(site)["serving"], lambda found: found == [to], "the new primary")
    assert primary(site) == to


def test_a_reload_keeps_connections_and_what_is_known(site: Site) -> None:
    host = holder(site, vip(site))
    before = worker(site, host)
    with client(site, vip(site)) as one:
        known = one.client_id()
        site.edit("balance: roundrobin", "balance: first")
        site.ok("apply", "--yes")
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert one.client_id() == known
        with client(site, vip(site)) as other:
            other.ping()
            assert sorted(serving(site, host, 6379)) == sorted([before, worker(site, host)])
    site.assert_converged()


def test_a_restart_leaves_the_address_with_one_holder(site: Site) -> None:
    """Whom it goes to, test_routes.py asks: on a crowded machine it may go on from there."""
    site.ok("restart", "balancer-dc", "--yes", "--max-impact", "failover")
    await_until(lambda: holder(site, vip(site)), bool, "one holder")
    with client(site, vip(site)) as one:
        one.set("after", "the move")
