"""A Redis with Sentinel through its life in a cluster: built, changed, broken, scaled, removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cluster_site import SPEC, Home, await_until, home

from opsctl.lab.kubernetes import Cluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(600)]
# They take minutes, and hosts have the same.
LONG = pytest.mark.soak
# At a time of day that no run is likely to meet: its job is started by hand.
BACKED_UP = SPEC.replace(
    "memory: 64MiB\n", "memory: 64MiB\n    backup: {{schedule: '59 23 31 12 *', keep: 1h}}\n"
)
APPLY = ("apply", "--yes", "--max-impact", "failover")


@pytest.fixture(scope="module")
def life(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    found = home(cluster, tmp_path_factory.mktemp("life"), BACKED_UP)
    try:
        found.client()
        found.site.apply()
        found.await_whole()
        found.redis("SET word kept")  # what tests read back, whichever of them run
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


def backups(life: Home) -> list[dict[str, Any]]:
    (found,) = life.site.ok("backup", "list", "sessions", "--output", "json").json()
    return list(found["backups"])


def test_the_cron_jobs_make_one_backup_by_one_replica(life: Home) -> None:
    roles = life.await_whole()
    for member in roles:
        life.kubectl("create", "job", f"--from=cronjob/{member}-backup", f"now-{member}")
    for member in roles:
        bound = ("--for=condition=Complete", "--timeout=110s")
        life.kubectl("wait", f"job/now-{member}", *bound)
    (made,) = backups(life)
    assert (made["kind"], made["role"]) == ("scheduled", "replica")
    assert made["member"] == min(name for name, role in roles.items() if role == "replica")
    assert made["keys"] > 0
    assert "sessions" in life.site.ok("status").out


def test_a_backup_is_taken_verified_and_put_in_place_of_what_there_is(life: Home) -> None:
    life.site.ok("backup", "take", "sessions", "--yes")
    newest = backups(life)[0]
    assert newest["kind"] == "asked"
    life.site.ok("backup", "verify", "sessions", "--yes")
    assert backups(life)[0]["verified"]
    life.redis("SET word lost")
    words = ("restore", "sessions", "--backup", newest["name"], "--delete-data", "sessions")
    life.site.ok(*words, "--yes")
    assert life.redis("GET word") == ["kept"]
    assert "before-restore" in {one["kind"] for one in backups(life)}
    life.await_whole()
    life.site.assert_converged()


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
    before = life.pods()
    life.site.edit("allkeys-lru}", "allkeys-lru, databases: 8}")
    life.site.refused(4, "apply/impact", "apply", "--yes", "--max-impact", "restart")
    assert "a switchover of sessions" in life.site.ok("plan").out
    life.site.apply()
    after = life.pods()
    assert all(after[member] != before[member] for member in before)
    assert life.redis("GET word") == ["kept"]
    life.site.assert_converged()


def test_a_restart_of_one_member_is_of_one_pod(life: Home) -> None:
    before = life.pods()
    replica = next(name for name, role in life.await_whole().items() if role == "replica")
    life.site.ok("restart", f"sessions/{replica}", "--yes")
    assert {member for member, pod in life.pods().items() if pod != before[member]} == {replica}


@LONG
def test_what_a_colleague_changed_is_drift_with_who_and_when(life: Home) -> None:
    life.site.assert_converged()
    change = ("--type", "merge", "--patch", '{"spec": {"minAvailable": 1}}')
    life.kubectl("patch", "pdb", "sessions-server", *change, "--field-manager", "colleague")
    drifted = life.site.run("drift")
    assert drifted.exit == 3, drifted.out + drifted.err
    assert "colleague" in drifted.out
    life.site.ok(*APPLY, "--force-conflicts")
    assert life.site.run("drift").exit == 0


@LONG
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


@LONG
def test_a_rotated_password_reaches_the_running_servers(life: Home) -> None:
    before = life.pods()
    old = life.site.ok("secrets", "show", "sessions/user/app").out
    life.site.ok("secrets", "rotate", "sessions/user/app")
    life.site.apply()
    assert life.site.ok("secrets", "show", "sessions/user/app").out != old
    assert life.redis("GET word") == ["kept"]
    assert life.pods() == before
    life.site.assert_converged()


@LONG
def test_rotated_passwords_of_opsctls_own_reach_all_while_pods_are_made_anew(life: Home) -> None:
    before = life.pods()
    for user in ("opsctl", "opsctl-peer", "opsctl-replica", "opsctl-sentinel"):
        life.site.ok("secrets", "rotate", f"sessions/user/{user}")
    life.site.ok("apply", "--yes", "--max-impact", "failover")
    assert set(life.pods().values()).isdisjoint(before.values())
    life.await_whole()
    assert life.redis("GET word") == ["kept"]
    life.site.assert_converged()


@LONG
def test_destroy_leaves_the_claims_and_a_new_apply_finds_the_data(life: Home) -> None:
    life.site.ok("destroy", "--yes", "--max-impact", "failover")
    assert life.items("pods") == []
    claims = {one["metadata"]["name"] for one in life.items("pvc")}
    assert {f"data-sessions-{number}-0" for number in range(3)} <= claims
    life.site.apply()
    assert life.redis("GET word") == ["kept"]


@LONG
def test_destroy_deletes_data_when_its_name_is_given(life: Home) -> None:
    life.site.ok("destroy", "--yes", "--max-impact", "failover", "--delete-data", "sessions")
    assert life.items("pods,statefulsets,services,secrets,cronjobs") == []
    left = {one["metadata"]["name"] for one in life.items("pvc")}
    assert left == {f"backup-sessions-{number}" for number in range(3)}  # copies outlive data
