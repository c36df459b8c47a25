"""What real servers answered, read as standings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from opsctl.engines.redis.standings import redis_standing, sentinel_standing
from opsctl.workload import Answer

ANSWERS = Path(__file__).parent / "redis_answers"
LABELS = ["redis-7.0", "redis-8.0", "valkey-8.1"]


def _said(label: str, name: str) -> Answer:
    return Answer(0, (ANSWERS / f"{label}-{name}.txt").read_text())


@pytest.mark.parametrize("label", LABELS)
def test_a_primary_says_who_replicates(label: str) -> None:
    standing = redis_standing(_said(label, "primary"))
    assert (standing.role, standing.ready, standing.following) == ("primary", True, "")
    assert standing.offset is not None
    assert standing.offset > 0
    assert standing.details["address"] == "127.0.1.1:27900"
    assert standing.details["replicating"] == "127.0.1.2:27901 127.0.1.3:27902"
    assert standing.details["version"].startswith(label.partition("-")[2])


def test_a_replica_that_has_been_silent_for_seconds_replicates_no_more() -> None:
    said = _said("redis-7.0", "primary")
    silent = said.stdout.replace("27902,state=online,offset=413,lag=0", "27902,state=online,lag=6")
    late = redis_standing(replace(said, stdout=silent))
    assert late.details["replicating"] == "127.0.1.2:27901"


@pytest.mark.parametrize("label", LABELS)
def test_a_replica_says_whom_it_follows(label: str) -> None:
    standing = redis_standing(_said(label, "replica"))
    assert (standing.role, standing.ready) == ("replica", True)
    assert standing.following == "127.0.1.1:27900"


@pytest.mark.parametrize("label", LABELS)
def test_a_replica_without_its_primary_is_not_ready(label: str) -> None:
    standing = redis_standing(_said(label, "replica-cut-off"))
    assert not standing.ready
    assert standing.reason == "no link to the primary 127.0.1.1:27900"


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("name", ["primary", "replica"])
def test_whose_disk_takes_nothing_is_not_ready_whatever_its_role(label: str, name: str) -> None:
    said = _said(label, name).stdout
    assert redis_standing(Answer(0, said)).details["appended"] == "ok"
    full = said.replace("aof_last_write_status:ok", "aof_last_write_status:err")
    standing = redis_standing(Answer(0, full))
    assert (standing.ready, standing.details["appended"]) == (False, "err")
    assert standing.reason == "the last write to its AOF failed"


@pytest.mark.parametrize("label", LABELS)
def test_a_failed_snapshot_is_said_and_hinders_nobody(label: str) -> None:
    said = _said(label, "replica").stdout
    failed = said.replace("rdb_last_bgsave_status:ok", "rdb_last_bgsave_status:err")
    standing = redis_standing(Answer(0, failed))
    assert (standing.ready, standing.details["saved"]) == (True, "err")


@pytest.mark.parametrize("label", LABELS)
def test_a_sentinel_says_whom_it_believes_in_and_whom_it_knows(label: str) -> None:
    standing = sentinel_standing(_said(label, "sentinel"))
    assert (standing.role, standing.ready) == ("arbiter", True)
    assert standing.following == "127.0.1.1:27900"
    assert (standing.details["sentinels"], standing.details["replicas"]) == ("3", "2")
    assert standing.details["priority 127.0.1.3:27902"] == "100"


def test_a_sentinel_says_whether_it_acts() -> None:
    said = _said("redis-8.0", "sentinel").stdout
    assert sentinel_standing(Answer(0, said)).details["tilt"] == ""
    info = "opsctl-mark\n# Sentinel\nsentinel_masters:1\nsentinel_tilt:1\n"
    assert sentinel_standing(Answer(0, said + info)).details["tilt"] == "1"


@pytest.mark.parametrize("label", LABELS)
def test_a_sentinel_whose_primary_is_down_is_not_ready(label: str) -> None:
    standing = sentinel_standing(_said(label, "sentinel-primary-down"))
    assert not standing.ready
    assert standing.reason


@pytest.mark.parametrize("parse", [redis_standing, sentinel_standing])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(1, "", "Could not connect to Redis at 127.0.0.1:6379: Connection refused\n"),
         "Could not connect to Redis at 127.0.0.1:6379: Connection refused"),
        (Answer(0, "WRONGPASS invalid username-password pair or user is disabled.\n"), "WRONGPASS"),
        (Answer(-1, ""), "no answer"),
        (Answer(0, "OK\nBUSY Redis is busy running a script.\n"), ""),
        (Answer(0, "OK\n"), ""),
    ],
)  # fmt: skip
def test_every_failure_is_an_unknown_standing_with_its_reason(
    parse: object, answer: Answer, reason: str
) -> None:
    standing = parse(answer)  # type: ignore[operator]
    assert (standing.role, standing.ready) == ("unknown", False)
    assert standing.reason.startswith(reason)
    assert standing.reason
