"""A service in a cluster that grows and shrinks, and one that grows beyond the cluster's nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster_site import Home, home

from opsctl.lab.kubernetes import Cluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]
SPEC = """\
opsctl: 1
name: {name}
targets:
  dc: {{kubernetes: {{}}}}
services:
  sessions: {{engine: redis, mode: replication, on: dc, replicas: 2, memory: 64MiB}}
"""


@pytest.fixture(scope="module")
def growing(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    found = home(cluster, tmp_path_factory.mktemp("growing"), SPEC)
    try:
        found.site.apply()
        yield found
    finally:
        found.away()


def test_a_service_grows_and_shrinks_by_one_member(growing: Home) -> None:
    growing.await_whole(2)
    before = growing.pods()
    growing.site.ok("scale", "sessions", "3", "--yes")
    growing.await_whole(3)
    growing.site.ok("scale", "sessions", "2", "--yes")
    growing.await_whole(2)
    assert growing.pods() == before
    claims = {one["metadata"]["name"] for one in growing.items("pvc")}
    assert "data-sessions-2-0" in claims
    growing.site.assert_converged()


@pytest.mark.soak  # it waits a minute for a node
def test_a_member_that_no_node_takes_is_told_with_the_reason_and_can_be_taken_back(
    growing: Home,
) -> None:
    ended = growing.site.run("scale", "sessions", "4", "--yes")
    assert ended.exit == 5, ended.out + ended.err
    assert "error[kubernetes/pod]" in ended.err
    assert "no node takes it: 0/4 nodes are available" in ended.err
    growing.site.ok("scale", "sessions", "2", "--yes")
    growing.await_whole(2)
    assert set(growing.pods()) == {"sessions-0", "sessions-1"}
    growing.site.assert_converged()
