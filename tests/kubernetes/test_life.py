"""A Redis with Sentinel through its life in a cluster: built, changed, broken, scaled, removed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cluster_site import Home, await_until, home

from opsctl.lab.kubernetes import Cluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]
# Written, and not seen to pass yet: the machine was too busy to get there.
UNSEEN = pytest.mark.soak
APPLY = ("apply", "--yes", "--max-impact", "failover")


@pytest.fixture(scope="module")
def life(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    found = home(cluster, tmp_path_factory.mktemp("life"))
    try:
        found.client()
        found.site.apply()
        yield found
    finally:
        found.away()


def test_a_second_plan_is_empty(life: Home) -> None:
    life.site.assert_converged()
    assert life.await_whole()["sessions-0"] == "primary"


def test_a_client_in_the_cluster_writes_through_the_route_s_name(life: Home) -> None:
    assert life.redis("SET word kept", "GET word") == ["OK", "kept"]


def test_members_logs_and_consoles_are_reached(life: Home) -> None:
    said = life.site.ok("status").out
    assert f"sessions.{life.namespace}.svc:6379" in said
    assert life.site.ok("logs", "sessions/sessions-0", "--lines", "3").out.strip()
    assert "PONG" in life.site.ok("connect", "sessions", "--", "PING").out


def test_a_switchover_moves_the_primary_where_it_was_told(life: Home) -> None:
    target = next(name for name, role in life.await_whole().items() if role == "replica")
    life.site.ok("switchover", "sessions", "--to", target, "--yes")
    assert life.primary() == target
    life.site.assert_converged()


def test_a_live_setting_replaces_no_pod(life: Home) -> None:
    before = life.pods()
    life.site.edit("memory: 64MiB", "memory: 64MiB\n    settings: {maxmemory-policy: allkeys-lru}")
    life.site.ok("apply", "--yes", "--max-impact", "none")
    assert life.pods() == before
    life.site.assert_converged()


def test_a_setting_that_needs_a_restart_goes_round_the_primary_last(life: Home) -> None:
    before, old = life.pods(), life.primary()
    life.site.edit("allkeys-lru}", "allkeys-lru, databases: 8}")
    life.site.refused(4, "apply/impact", "apply", "--yes", "--max-impact", "restart")
    life.site.apply()
    after = life.pods()
    assert all(after[member] != before[member] for member in before)
    assert life.primary() != old
    assert life.redis("GET word") == ["kept"]
    life.site.assert_converged()


def test_a_restart_of_one_member_is_of_one_pod(life: Home) -> None:
    before = life.pods()
    replica = next(name for name, role in life.await_whole().items() if role == "replica")
    life.site.ok("restart", f"sessions/{replica}", "--yes")
    assert {member for member, pod in life.pods().items() if pod != before[member]} == {replica}


# Not seen yet: a fourth member wants a fourth node with volumes, and the cluster has three.
@pytest.mark.soak
def test_a_service_grows_and_shrinks_by_one_member(life: Home) -> None:
    life.site.ok("scale", "sessions", "4", "--yes")
    life.await_whole(4)
    life.site.ok("scale", "sessions", "3", "--yes")
    life.await_whole(3)
    assert "sessions-3" not in life.pods()
    assert life.redis("GET word") == ["kept"]


@UNSEEN
def test_what_a_colleague_changed_is_drift_with_who_and_when(life: Home) -> None:
    life.site.assert_converged()
    change = ("--type", "merge", "--patch", '{"spec": {"minAvailable": 1}}')
    life.kubectl("patch", "pdb", "sessions-server", *change, "--field-manager", "colleague")
    drifted = life.site.run("drift")
    assert drifted.exit in (3, 4), drifted.out + drifted.err
    assert "colleague" in drifted.out
    life.site.ok(*APPLY, "--force-conflicts")
    assert life.site.run("drift").exit == 0


@UNSEEN
def test_a_deleted_pod_comes_back_and_a_failover_is_made_by_hand(life: Home) -> None:
    old = life.primary()
    life.kubectl("delete", "pod", f"{old}-0")

    def moved(roles: dict[str, str]) -> bool:
        return sorted(roles.values()) == ["primary", "replica", "replica"] and (
            roles[old] == "replica"
        )

    await_until(life.roles, moved, "another primary, and the old one its replica", 90)
    before = life.primary()
    life.site.ok("failover", "sessions", "--yes", "--max-impact", "failover")
    life.await_whole()
    assert life.primary() != before
    assert life.redis("GET word") == ["kept"]
    life.site.assert_converged()


@UNSEEN
def test_a_rotated_password_reaches_the_running_servers(life: Home) -> None:
    before = life.pods()
    old = life.site.ok("secrets", "show", "sessions/user/app").out
    life.site.ok("secrets", "rotate", "sessions/user/app")
    life.site.apply()
    assert life.site.ok("secrets", "show", "sessions/user/app").out != old
    assert life.redis("GET word") == ["kept"]
    assert life.pods() == before
    life.site.assert_converged()


@UNSEEN
def test_destroy_leaves_the_claims_and_a_new_apply_finds_the_data(life: Home) -> None:
    life.site.ok("destroy", "--yes", "--max-impact", "failover")
    assert life.items("pods") == []
    claims = {one["metadata"]["name"] for one in life.items("pvc")}
    assert {f"data-sessions-{number}-0" for number in range(3)} <= claims
    life.site.apply()
    assert life.redis("GET word") == ["kept"]


@UNSEEN
def test_destroy_deletes_data_when_its_name_is_given(life: Home) -> None:
    life.site.ok("destroy", "--yes", "--max-impact", "failover", "--delete-data", "sessions")
    assert life.items("pods,pvc,statefulsets,services,secrets") == []
