"""Drills in a cluster: a client on another node writes through the route, and it is whole after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster_site import Home, home

from opsctl.lab.kubernetes import Cluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]
# Nodes that fall, are cut off or stand still want more of a machine than one that others use gives.
HARD = pytest.mark.soak
FAULTS = [
    ("primary-process", ()),
    ("delete-pod", ()),
    ("drain", ()),
    # Seen to fail where two environments shared the machine's two cores: Sentinel does not come to
    # promote anybody within 30 s. test_life.py has a switchover without a drill.
    pytest.param("switchover", (), marks=HARD),
    pytest.param("rolling-restart", (), marks=HARD),
    pytest.param("pause-primary", ("--for", "8s"), marks=HARD),
    pytest.param("isolate-primary", ("--for", "8s"), marks=HARD),
    pytest.param("primary-host", ("--for", "10s"), marks=HARD),
]
LOSSLESS = ("switchover", "rolling-restart", "delete-pod", "drain")


@pytest.fixture(scope="module")
def site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    found = home(cluster, tmp_path_factory.mktemp("drills"))
    try:
        found.site.apply()
        yield found
    finally:
        found.away()


def agreed(site: Home, *words: str) -> tuple[str, ...]:
    return ("drill", "run", *words, "--yes", "--environment", site.namespace, "--output", "json")


@pytest.mark.parametrize(("fault", "more"), FAULTS)
def test_a_drill_measures_and_leaves_the_service_whole(
    site: Home, fault: str, more: tuple[str, ...]
) -> None:
    site.await_whole()
    ended = site.site.run(*agreed(site, fault, *more))
    assert ended.exit in (0, 3), ended.out + ended.err
    report = ended.json()
    fates = report["measurement"]["fates"]
    assert fates["acknowledged"] > 100
    assert fates["duplicated"] == 0
    if fault in LOSSLESS:
        assert fates["lost"] == 0
    assert not report["lost_after_switch"]
    site.await_whole()
    site.site.assert_converged()


def test_a_drain_that_a_budget_forbids_strikes_nothing_and_names_it(site: Home) -> None:
    site.await_whole()
    pods = site.pods()
    change = ("--type", "merge", "--patch", '{"spec": {"minAvailable": 3}}')
    site.kubectl("patch", "pdb", "sessions-server", *change)
    try:
        ended = site.site.run(*agreed(site, "drain"))
        assert ended.exit == 4, ended.out + ended.err
        error = ended.json()["error"]
        assert error["code"] == "drills/evict"
        assert "sessions-server" in error["message"]
        assert site.pods() == pods
    finally:
        site.site.ok("apply", "--yes", "--max-impact", "failover", "--force-conflicts")


def test_a_fault_that_leaves_no_node_for_a_client_is_refused(site: Home) -> None:
    ended = site.site.run(*agreed(site, "all-hosts"))
    assert ended.exit == 4, ended.out + ended.err
    assert '"code": "drills/no-client-node"' in ended.err
