"""Cron's schedules: what they mean, how long they leave between two runs, how systemd has them."""

from __future__ import annotations

import pytest

from opsctl.model import Cron
from opsctl.targets.hosts.realise.calendar import calendar

DAY = 24 * 60


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("* * * * *", ["*-*-* *:*:00"]),
        ("0 3 * * *", ["*-*-* 03:00:00"]),
        ("*/15 * * * *", ["*-*-* *:00,15,30,45:00"]),
        ("5/20 1-3 * * *", ["*-*-* 01,02,03:05,25,45:00"]),
        ("30 4 1,15 * *", ["*-*-01,15 04:30:00"]),
        ("0 0 * jan-mar mon-fri", ["Mon,Tue,Wed,Thu,Fri *-01,02,03-* 00:00:00"]),
        ("0 22 * * 7", ["Sun *-*-* 22:00:00"]),
        ("0 0 13 * 5", ["*-*-13 00:00:00", "Fri *-*-* 00:00:00"]),
    ],
)
def test_a_schedule_is_written_as_systemd_reads_it(text: str, lines: list[str]) -> None:
    found = calendar(Cron.parse(text))
    assert list(found) == lines


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("* * * * *", 1),
        ("*/15 * * * *", 15),
        ("0 3 * * *", DAY),
        ("0 3,15 * * *", DAY // 2),
        ("0 9-17 * * mon-fri", 3 * DAY - 8 * 60),
        ("0 0 1 * *", 31 * DAY),
        ("0 0 29 2 *", 4 * 365 * DAY + DAY),
        ("0 0 13 * 5", 7 * DAY),
    ],
)
def test_the_longest_time_between_two_runs_is_known(text: str, minutes: int) -> None:
    assert Cron.parse(text).longest == minutes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 3 * *", "4 fields"),
        ("60 3 * * *", "0 to 59"),
        ("0 24 * * *", "0 to 23"),
        ("0 3 0 * *", "1 to 31"),
        ("0 3 * foo *", "no month"),
        ("0 5-3 * * *", "no hour"),
        ("*/0 * * * *", "no minute"),
        ("0 3 30 feb *", "no day is ever"),
        ("@daily x x x x", "no minute"),
    ],
)
def test_what_is_no_schedule_is_refused_with_why(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Cron.parse(text)
