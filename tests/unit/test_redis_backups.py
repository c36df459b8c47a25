"""Backups: who takes one, what a restore does in which order, what a member's folder says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from redis_world import Pretend, described, file_of
from test_redis_scripts import SHELLS, Host

from opsctl.data import renderer
from opsctl.engines.redis import ENGINE, VALKEY
from opsctl.engines.redis.backups import LONGEST, refusal, shelf
from opsctl.errors import OpsError, SpecError
from opsctl.flow.backing_up import Kept, chosen, restore_plan
from opsctl.flow.parts import Parts
from opsctl.model import Backup as Asked
from opsctl.targets.kubernetes.seats import seats
from opsctl.workload import Act, Answer, Backup, Backups, Directory, Shelf, Standing, Workload

DAILY = Asked(schedule="0 3 * * *")
DAY = 86_400.0


def backups_of(workload: Workload) -> Backups:
    assert workload.backups is not None
    return workload.backups


def words(acts: tuple[Act, ...]) -> list[str]:
    return [act.call.words for act in acts]


def test_every_member_has_the_times_and_no_member_is_restarted_for_them() -> None:
    workload = described(backup=DAILY)
    for member in workload.members():
        (job,) = member.component("redis").jobs
        assert job.argv == ("sh", f"/etc/opsctl/{member.name}/backup.sh", "scheduled")
        assert job.folder == f"/var/backup/{member.name}"
        script = next(f for f in member.component("redis").files if f.path == job.argv[1])
        assert (script.effect, script.mode) == ("none", "0750")
    assert backups_of(workload).every == DAY


def test_without_the_key_there_is_nothing_of_it() -> None:
    workload = described()
    assert workload.backups is None
    assert workload.member("shop-0").component("redis").jobs == ()


def test_valkey_has_its_own_programs_in_the_script() -> None:
    workload = described(engine=VALKEY, backup=DAILY)
    files = workload.member("shop-0").component("redis").files
    (script,) = [file for file in files if file.path.endswith("/backup.sh")]
    text = script.text.fill(str)
    assert "valkey-check-rdb" in text
    assert "redis-server" not in text


@pytest.mark.parametrize(("on", "member"), [("replica", "shop-1"), ("primary", "shop-0")])
def test_a_backup_is_taken_where_the_spec_says(on: str, member: str) -> None:
    workload = described(backup=Asked(schedule="0 3 * * *", on=on))  # type: ignore[arg-type]
    (act,) = backups_of(workload).take(Pretend(workload).standings())
    assert (act.call.member, act.call.timeout) == (member, LONGEST)


def test_the_primary_takes_it_when_no_replica_is_ready() -> None:
    workload = described(1, mode="replication", backup=DAILY)
    (act,) = backups_of(workload).take(Pretend(workload).standings())
    assert act.call.member == "shop-0"


def test_nobody_up_is_said() -> None:
    workload = described(backup=DAILY)
    with pytest.raises(OpsError, match="no member is up"):
        backups_of(workload).take({})


def test_a_restore_moves_the_role_keeps_what_is_there_and_holds_sentinel_meanwhile() -> None:
    workload = described(backup=DAILY)
    world = Pretend(workload)
    acts = backups_of(workload).restore(world.standings(), "shop-1", "20260101T000000Z-shop-1")
    said = words(acts)
    put = said.index("put 20260101T000000Z-shop-1 in the place of what shop-1 holds")
    kept = said.index("keep what shop-1 holds now as a backup")
    assert said.index("ask Sentinel to promote shop-1") < kept < put
    assert said[kept + 1 : put] == ["keep Sentinel from a failover"] * 3
    assert said[put + 1 :] == ["let Sentinel fail over again"] * 3
    for act in acts[kept + 1 : put]:
        assert "down-after-milliseconds 3600000" in act.call.stdin.fill(str)
        (undo,) = act.undo
        assert undo.member == act.call.member
        assert "down-after-milliseconds 5000" in undo.stdin.fill(str)


def test_a_maintenance_that_holds_sentinel_for_longer_is_left_as_it_is() -> None:
    workload = described(backup=DAILY)
    standings = {
        key: replace(standing, details={**standing.details, "patience": "86400000"})
        for key, standing in Pretend(workload).standings().items()
    }
    acts = backups_of(workload).restore(standings, "shop-0", "x")
    assert not any("Sentinel" in said for said in words(acts))


def test_a_restore_at_the_primary_itself_moves_nobody() -> None:
    workload = described(backup=DAILY)
    acts = backups_of(workload).restore(Pretend(workload).standings(), "shop-0", "x")
    assert words(acts)[0] == "keep what shop-0 holds now as a backup"


def test_a_restore_that_broke_off_goes_on_and_keeps_nothing_half_copied() -> None:
    workload = described(backup=DAILY)
    standings = dict(Pretend(workload).standings())
    standings["shop-0", "redis"] = Standing("replica", ready=False, following="127.0.0.1:20001")
    acts = backups_of(workload).restore(standings, "shop-0", "x")
    assert words(acts)[0] == "keep Sentinel from a failover"


def test_in_replication_mode_there_is_nobody_to_hold() -> None:
    workload = described(2, mode="replication", backup=DAILY)
    acts = backups_of(workload).restore(Pretend(workload).standings(), "shop-0", "x")
    assert words(acts) == [
        "keep what shop-0 holds now as a backup",
        "put x in the place of what shop-0 holds",
    ]


LISTED = """\
{"name": "B-shop-1", "member": "shop-1", "time": 200, "kind": "scheduled", "keys": 5, "bytes": 90, \
"sha256": "ab", "offset": 7, "role": "replica", "version": "8.0.2", "memory": 99, "verified": 300, \
"damage": ""}
{"name": "A-shop-1", "member": "shop-1", "time": 100, "kind": "brought", "bytes": 9}
half a li
{"success": 200, "tried": 260, "error": "no room"}
"""


def test_what_a_folder_holds_is_read_and_a_broken_line_is_passed_over() -> None:
    found = shelf(Answer(0, LISTED))
    assert [one.name for one in found.backups] == ["A-shop-1", "B-shop-1"]
    brought, made = found.backups
    assert (brought.keys, brought.verified, brought.kind) == (None, None, "brought")
    assert (made.keys, made.verified, made.version) == (5, 300.0, "8.0.2")
    assert (found.success, found.tried, found.error) == (200, 260, "no room")
    assert shelf(Answer(-1, "", "no such file")) == Shelf()


def test_a_refusal_is_the_scripts_last_word() -> None:
    assert refusal(Answer(0, "backup made\n")) == ""
    assert refusal(Answer(1, "", "OK\nno room for a backup\n")) == "no room for a backup"
    assert refusal(Answer(3, "")) == "exit code 3"


def _kept() -> Kept:
    def one(name: str, at: float, **more: object) -> Backup:
        return Backup(name, "shop-1", at, 9, **{"kind": "scheduled", **more})  # type: ignore[arg-type]

    shelves = {
        "shop-1": Shelf(
            (one("old", 1 * DAY), one("good", 2 * DAY), one("bad", 3 * DAY, damage="x"))
        ),
        "shop-2": Shelf((one("aside", 4 * DAY, kind="before-restore"),)),
    }
    return Kept("shop", DAY, shelves, ("shop-0",))


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("latest", "good"),
        ("before-1970-01-02T12:00", "old"),
        ("before-1970-01-03T01:00+01:00", "good"),
        ("aside", "aside"),
        ("bad.rdb", "bad"),
    ],
)
def test_the_backup_that_is_meant_is_found(wanted: str, name: str) -> None:
    assert chosen(_kept(), wanted).name == name


@pytest.mark.parametrize("wanted", ["before-1970-01-01", "nothing"])
def test_a_backup_that_is_not_there_is_refused_with_who_could_not_be_asked(wanted: str) -> None:
    with pytest.raises(OpsError, match="shop-0 can't be asked") as caught:
        chosen(_kept(), wanted)
    assert "opsctl backup list shop" in caught.value.hint


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


# Instead of a snapshot the script says that it is its turn.
def scheduled(tmp_path: Path, shell: str, member: str, **answers: tuple[str, ...]) -> bool:
    host = Host(tmp_path, described(backup=DAILY), member, shell)
    script = tmp_path / f"etc/opsctl/{member}/backup.sh"
    text = script.read_text().replace("/var/backup", f"{tmp_path}/backup")
    script.write_text(text.replace("        take scheduled\n", "        say 'my turn'; exit 0\n"))
    (tmp_path / "backup" / member).mkdir(parents=True)
    host.data("redis.conf").touch()
    for name, role in answers.items():
        host.server(name.replace("_", "-"), *role)
    script.with_name("run.sh").write_text(f'exec {shell_words(shell)} "{script}" scheduled\n')
    exit, _ = host.start("run.sh")
    assert exit == 0, host.said
    return "my turn" in host.said


def shell_words(shell: str) -> str:
    return "busybox sh" if shell == "busybox" else shell


def about(member: str, time: int, **more: object) -> str:
    """What stands beside a backup, as the script writes it."""
    said = {"verified": 0, "damage": "", **more}
    return (
        f'{{"name": "{time}-{member}", "member": "{member}", "time": {time}, '
        f'"kind": "{said.get("kind", "scheduled")}", "keys": 5, "bytes": 9, "sha256": "ab", '
        f'"offset": 7, "role": "replica", "version": "8.0", "memory": 9, '
        f'"verified": {said["verified"]}, "damage": "{said["damage"]}"}}\n'
    )


def told(tmp_path: Path, shell: str, *abouts: str, last: str = "") -> dict[str, str]:
    """What the job tells of such a folder, by metric, when it is another member's turn."""
    host = Host(tmp_path, described(backup=DAILY, metrics=True), "shop-1", shell)
    script = tmp_path / "etc/opsctl/shop-1/backup.sh"
    text = script.read_text().replace("/var/backup", f"{tmp_path}/backup")
    script.write_text(text.replace("/var/metrics", str(tmp_path)))
    folder = tmp_path / "backup/shop-1"
    folder.mkdir(parents=True)
    for number, one in enumerate(abouts):
        (folder / f"2999010{number}T000000Z-shop-1.json").write_text(one)
    (folder / ".last").write_text(last)
    page = tmp_path / "shop-shop-1-backup.prom"
    page.touch()
    script.with_name("run.sh").write_text(f'exec {shell_words(shell)} "{script}" scheduled\n')
    exit, _ = host.start("run.sh")
    assert exit == 0, host.said
    lines = [line.split(" ") for line in page.read_text().splitlines() if line[0] != "#"]
    assert all(name.endswith('{of_service="shop",of_member="shop-1"}') for name, _ in lines)
    return {name.partition("{")[0].removeprefix("opsctl_backup_"): said for name, said in lines}


def test_the_job_tells_of_its_newest_good_backup_and_of_its_last_failure(
    tmp_path: Path, shell: str
) -> None:
    found = told(
        tmp_path,
        shell,
        about("shop-1", 1764300000, verified=1764300500),
        about("shop-1", 1764310000),
        about("shop-1", 1764320000, damage="its content is not what was written"),
        about("shop-1", 1764330000, kind="before-restore"),
        last='{"success": 1764310009, "tried": 1764320000, "error": "no room"}\n',
    )
    assert found == {
        "made_timestamp_seconds": "1764310000",
        "verified_timestamp_seconds": "1764300500",
        "tried_timestamp_seconds": "1764320000",
        "failed": "1",
    }


def kept(tmp_path: Path, shell: str, *abouts: str) -> list[str]:
    """Which of such backups, all of them older than `keep`, a scheduled run leaves, by number."""
    host = Host(tmp_path, described(backup=DAILY), "shop-1", shell)
    script = tmp_path / "etc/opsctl/shop-1/backup.sh"
    script.write_text(script.read_text().replace("/var/backup", f"{tmp_path}/backup"))
    folder = tmp_path / "backup/shop-1"
    folder.mkdir(parents=True)
    for number, one in enumerate(abouts):
        stem = folder / f"2020010{number}T000000Z-shop-1"
        stem.with_suffix(".json").write_text(one)
        stem.with_suffix(".rdb").touch()
    script.with_name("run.sh").write_text(f'exec {shell_words(shell)} "{script}" scheduled\n')
    exit, _ = host.start("run.sh")
    assert exit == 0, host.said
    return sorted(path.name[7] for path in folder.glob("*.rdb"))


def test_the_newest_good_one_is_kept_however_old_it_is(tmp_path: Path, shell: str) -> None:
    damaged = about("shop-1", 3, damage="its content is not what was written")
    put_aside = about("shop-1", 4, kind="before-restore")
    found = kept(tmp_path, shell, about("shop-1", 1), about("shop-1", 2), damaged, put_aside)
    assert found == ["1"]


def test_a_job_that_never_made_one_says_so(tmp_path: Path, shell: str) -> None:
    assert set(told(tmp_path, shell).values()) == {"0"}


def test_the_file_of_its_metrics_is_there_from_the_start_where_somebody_reads_it() -> None:
    from opsctl.monitoring.copies import copies

    workload = described(backup=DAILY, metrics=True)
    (member, *_) = workload.members()
    (job,) = member.component("redis").jobs
    assert job.metrics is not None
    assert job.metrics.path == "/var/metrics/shop-shop-0-backup.prom"
    assert (job.metrics.life, job.metrics.mode) == ("seeded", "0644")
    known = copies("prod", workload)
    assert known is not None
    assert known["stale"] == str(int(DAY + LONGEST))
    assert copies("prod", described(backup=DAILY)) is None


def test_what_is_noted_of_a_backup_again_replaces_what_was_said_of_it_commas_and_all(
    tmp_path: Path, shell: str
) -> None:
    host = Host(tmp_path, described(backup=DAILY), "shop-1", shell)
    script = tmp_path / "etc/opsctl/shop-1/backup.sh"
    functions = script.read_text().partition("\nverb=$1")[0]
    (tmp_path / "one.json").write_text(about("shop-1", 1764300000))
    marks = "\nwork=.\nmark one damage '\"it has 5 keys, not 6\"'\nmark one damage '\"gone\"'\n"
    script.write_text(f"{functions}\ncd {tmp_path}{marks}mark one verified 7\n")
    script.with_name("run.sh").write_text(f'exec {shell_words(shell)} "{script}"\n')
    exit, _ = host.start("run.sh")
    assert exit == 0, host.said
    found = json.loads((tmp_path / "one.json").read_text())
    assert (found["damage"], found["verified"]) == ("gone", 7)


@pytest.mark.parametrize(
    ("schedule", "longest"), [("0 3 * * *", 1), ("0 3 * * 0", 7), ("0 3 1 * *", 31)]
)
def test_none_at_all_is_told_once_one_was_due_however_soon_metrics_are_forgotten(
    schedule: str, longest: int
) -> None:
    from opsctl.data import catalogue
    from opsctl.monitoring.copies import BACKUP, copies
    from opsctl.monitoring.rules import Subject, known, rules_of

    values = copies("prod", described(backup=Asked(schedule=schedule), metrics=True))
    assert values is not None
    subject = Subject(BACKUP, "prod", "shop", {}, {**known("prod", "shop", {}), **values})
    (rule,) = [one for one in rules_of(subject, catalogue(BACKUP)) if one.name == "BackupMissing"]
    # Nothing else is waited for, and nothing that is older than metrics live is looked up.
    assert re.findall(r"\d{3,}", rule.expr) == [str(int(longest * DAY + LONGEST))]
    assert "offset" not in rule.expr


def in_cluster(**keys: Any) -> Workload:
    service = ENGINE.options(engine="redis", on="dc", replicas=3, **keys)
    there = seats("shop", ENGINE.needs(service), backup_dir="/copies")
    return ENGINE.describe("shop", service, there, renderer("redis"), Directory())


def test_in_a_cluster_a_component_beside_each_member_serves_the_file() -> None:
    from opsctl.monitoring.copies import copies

    workload = in_cluster(backup=DAILY, metrics=True)
    assert copies("prod", workload) is not None
    member = workload.member("shop-1")
    (job,) = member.component("redis").jobs
    assert job.metrics is not None
    assert job.metrics.path == "/copies/metrics/backup.prom"
    assert 'of_member="shop-1"' in str(job.metrics.text.parts[0])
    teller = member.component("backup-exporter")
    assert teller.reads == (job.name,)
    assert "textfile.directory=/copies/metrics" in file_of(workload, "shop-1", "start-teller.sh")
    assert workload.signals is not None
    (asked,) = [one for one in workload.signals.scrapes
                if (one.member, one.job) == ("shop-1", "backup")]  # fmt: skip
    assert asked.port in [port.number for port in teller.ports]
    assert asked.password is not None


@pytest.mark.parametrize("keys", [{"backup": DAILY}, {"metrics": True}])
def test_where_nothing_is_to_be_told_there_is_none(keys: dict[str, Any]) -> None:
    (member, *_) = in_cluster(**keys).members()
    assert "backup-exporter" not in [one.name for one in member.components]


def test_on_hosts_the_node_s_own_exporter_tells() -> None:
    (member, *_) = described(backup=DAILY, metrics=True).members()
    assert "backup-exporter" not in [one.name for one in member.components]


PRIMARY = ("master", "500", "")
REPLICA = ("slave", "10.0.0.1", "6379", "connected", "500")
ADRIFT = ("slave", "10.0.0.1", "6379", "connect", "-1")


@pytest.mark.parametrize(
    ("answers", "whose"),
    [
        ({"shop_0": PRIMARY, "shop_1": REPLICA, "shop_2": REPLICA}, "shop-1"),
        ({"shop_0": PRIMARY, "shop_2": REPLICA}, "shop-2"),
        ({"shop_0": PRIMARY, "shop_1": ADRIFT, "shop_2": REPLICA}, "shop-2"),
        ({"shop_0": PRIMARY, "shop_1": ADRIFT}, "shop-0"),
        ({"shop_0": PRIMARY}, "shop-0"),
        ({}, ""),
    ],
)
def test_a_scheduled_backup_is_one_members_turn(
    tmp_path: Path, shell: str, answers: dict[str, tuple[str, ...]], whose: str
) -> None:
    turns = [
        member
        for member in ("shop-0", "shop-1", "shop-2")
        if scheduled(tmp_path / member, shell, member, **answers)
    ]
    assert turns == ([whose] if whose else [])


def test_a_restore_that_names_other_data_is_refused_before_anybody_is_asked() -> None:
    nobody = cast("Parts", None)
    with pytest.raises(SpecError) as refused:
        restore_plan(nobody, "jobs", "latest", frozenset({"job"}))
    assert refused.value.code == "backup/other-data"
    assert refused.value.hint == "did you mean --delete-data jobs?"
