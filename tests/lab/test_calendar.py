"""Schedules as this machine's systemd reads them; no host is needed."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from opsctl.model import Cron
from opsctl.targets.hosts.realise.calendar import calendar

pytestmark = pytest.mark.lab


@pytest.mark.parametrize(
    "text", ["0 3 * * *", "*/15 * * * *", "0 0 13 * 5", "30 2 1,15 * *", "5 4 * jan-mar mon-fri"]
)
def test_systemd_takes_every_line_that_a_schedule_becomes(text: str) -> None:
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing: apt-get install -y systemd (or: make tools)"
    for line in calendar(Cron.parse(text)):
        said = subprocess.run([program, "calendar", line], capture_output=True, check=False)
        assert said.returncode == 0, said.stderr
