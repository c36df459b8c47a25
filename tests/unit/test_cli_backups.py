"""How backups are shown: the newest first, and how the scheduled ones go."""

from __future__ import annotations

import json

import pytest

from opsctl.cli.views.backups import BackupsView, schedule_words
from opsctl.flow.backing_up import Kept
from opsctl.workload import Backup, Shelf

HOUR, NOW = 3600.0, 1_000_000.0
OLD = Backup("A-jobs-0", "jobs-0", NOW - 26 * HOUR, 2048, "scheduled", 7, verified=NOW - 60)
BAD = Backup("B-jobs-1", "jobs-1", NOW - 2 * HOUR, 5 << 20, "asked", 9, damage="it has 3 keys")
BROUGHT = Backup("C", "jobs-1", NOW - 50 * HOUR, 9)


def kept(first: Shelf, second: Shelf) -> Kept:
    return Kept("jobs", 24 * HOUR, {"jobs-0": first, "jobs-1": second}, ("jobs-2",))


def test_a_line_says_where_it_lies_how_old_how_big_and_whether_it_is_good() -> None:
    view = BackupsView([kept(Shelf((OLD,), NOW - HOUR), Shelf((BROUGHT, BAD)))], NOW)
    shown = [line.plain for line in view.lines()]
    assert shown == [
        "jobs  last scheduled backup 1 hour ago",
        "  NAME      ON      AGE      SIZE     KEYS  KIND       VERIFIED",
        "  B-jobs-1  jobs-1  2 hours  5.0 MiB  9     asked      damaged: it has 3 keys",
        "  A-jobs-0  jobs-0  1 day    2.0 KiB  7     scheduled  1 minute ago",
        "  C         jobs-1  2 days   9 B      ?     brought    never",
        "  jobs-2 can't be asked: its host does not answer",
    ]


def test_programs_get_every_field_and_the_time_in_utc() -> None:
    data = BackupsView([kept(Shelf((OLD,), NOW - HOUR), Shelf())], NOW).data()
    (one,) = json.loads(json.dumps(data))
    (backup,) = one["backups"]
    assert backup["time"] == "1970-01-11T11:46:40+00:00"
    assert (backup["on"], backup["keys"], backup["verified"]) == ("jobs-0", 7, NOW - 60)
    assert one["schedule"]["jobs-0"] == {"success": NOW - HOUR, "tried": None, "error": ""}
    assert one["silent"] == ["jobs-2"]


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (Shelf(), Shelf(), "no scheduled backup was made yet"),
        (
            Shelf(success=NOW - 49 * HOUR),
            Shelf(),
            "last scheduled backup 2 days ago, which is too long",
        ),
        (
            Shelf(success=NOW - 30 * HOUR),
            Shelf(tried=NOW - 6 * HOUR, error="no room"),
            "the last scheduled backup failed: no room",
        ),
        # The role moved, and the other member's backups go well since.
        (
            Shelf(success=NOW - HOUR),
            Shelf(tried=NOW - 30 * HOUR, error="no room"),
            "last scheduled backup 1 hour ago",
        ),
    ],
)
def test_the_state_of_the_schedule_is_one_sentence(first: Shelf, second: Shelf, words: str) -> None:
    said = schedule_words(kept(first, second), NOW)
    assert (said if isinstance(said, str) else said[0]) == words


def test_nothing_at_all_says_what_to_write() -> None:
    (line,) = BackupsView([], NOW).lines()
    assert "backup: {schedule:" in line.plain
