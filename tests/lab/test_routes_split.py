"""Balancers on hosts of their own, with two floating addresses spread over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from lab_site import Site, await_until, members
from redis_client import await_whole
from route_client import addresses, assert_no_balancers, client, holder, route, vip

from conftest import MakeSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

SPEC = """\
opsctl: 1
name: shop
targets:
  dc: {{hosts: 'lab:{lab}'}}
services:
  sessions:
    engine: redis
    mode: replication
    on: dc
    replicas: 2
    memory: 64MiB
    place: {{hosts: [n1, n2]}}
  edge:
    engine: haproxy
    on: dc
    replicas: 2
    failover: fast
    place: {{hosts: [n3, n4]}}
"""
ROUTES = """\
routes:
  sessions: {to: sessions, via: edge, vip: VIP0}
  read: {to: sessions, role: replica, via: edge, vip: VIP1}
"""
ALL = ("n1", "n2", "n3", "n4")


@pytest.fixture(scope="module")
def site(make_site: MakeSite) -> Site:
    site = make_site("split", 4, SPEC)
    routes = ROUTES.replace("VIP0", vip(site, 100)).replace("VIP1", vip(site, 101))
    site.write(site.spec + routes)
    site.apply()
    await_whole(site, "sessions", 2)
    return site


def vips(site: Site) -> tuple[str, str]:
    return vip(site, 100), vip(site, 101)


def holders(site: Site) -> list[str]:
    return [holder(site, address) for address in vips(site)]


def assert_served(site: Site) -> None:
    write, read = vips(site)
    with client(site, write) as one:
        one.set("key", "value")
    with client(site, read) as one:
        assert one.role()[0] == "slave"


def moves(site: Site, host: str) -> int:
    """How often keepalived of a host took or gave up an address."""
    log = site.shell(host, "journalctl --no-pager -o cat -u 'opsctl-shop-edge-*'")
    return log.count("Entering MASTER STATE") + log.count("Entering BACKUP STATE")


def test_each_address_has_one_holder_and_leads_to_its_role(site: Site) -> None:
    assert set(holders(site)) <= {"n3", "n4"}
    assert_served(site)
    site.assert_converged()
    where = {"n3": "edge-0", "n4": "edge-1"}
    through = [route(site, name)["through"] for name in ("sessions", "read")]
    assert through == [[where[host]] for host in holders(site)]


def test_the_other_one_takes_over_from_a_host_that_dies_and_nothing_moves_when_it_is_back(
    site: Site,
) -> None:
    lost = holders(site)[0]
    other = "n3" if lost == "n4" else "n4"
    site.lab.faults.kill(lost, for_=300)
    await_until(lambda: addresses(site, other), lambda found: set(vips(site)) <= set(found),
                "both addresses on the other one")  # fmt: skip
    assert_served(site)
    assert len(route(site)["through"]) == 1
    assert site.run("status", "--check").exit != 0
    site.lab.faults.start(lost)
    await_until(lambda: site.run("status", "--check").exit, lambda exit: exit == 0, "it back")
    before = moves(site, other)
    site.assert_converged()
    assert holders(site) == [other, other]
    assert moves(site, other) == before
    assert_served(site)


@contextmanager
def untouched(site: Site) -> Iterator[None]:
    """Clients are served at the end as at the beginning; each address has one holder."""
    assert_served(site)
    yield
    await_until(lambda: holders(site), lambda found: "" not in found, "one holder for each")
    assert_served(site)
    site.assert_converged()
    assert site.run("status", "--check").exit == 0


def test_a_restart_of_the_pool_moves_the_addresses_and_each_ends_with_one_holder(
    site: Site,
) -> None:
    with untouched(site):
        site.ok("restart", "edge", "--yes", "--max-impact", "failover")


def test_a_balancer_comes_and_goes(site: Site) -> None:
    with untouched(site):
        site.edit("replicas: 2\n    failover: fast", "replicas: 3\n    failover: fast")
        site.edit("hosts: [n3, n4]", "hosts: [n2, n3, n4]")
        site.apply()
    assert {one["where"] for one in members(site.status(), "edge")} == {"dc/n2", "dc/n3", "dc/n4"}
    with untouched(site):
        site.edit("replicas: 3\n    failover: fast", "replicas: 2\n    failover: fast")
        site.edit("hosts: [n2, n3, n4]", "hosts: [n3, n4]")
        site.ok("scale", "edge", "2", "--yes", "--max-impact", "failover")
    assert {one["where"] for one in members(site.status(), "edge")} == {"dc/n3", "dc/n4"}
    assert_no_balancers(site, vips(site), "n2")


def test_a_destroy_leaves_no_address_no_process_and_no_file(site: Site) -> None:
    site.ok("destroy", "--yes", "--max-impact", "failover", "--delete-data", "sessions")
    assert_no_balancers(site, vips(site), *ALL)
    for host in ALL:
        assert site.shell(host, "ls -A /etc/opsctl 2>/dev/null || true") == ""
