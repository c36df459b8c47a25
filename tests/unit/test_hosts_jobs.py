"""Jobs on hosts: a unit that runs once, its timer, and the folder that outlives both."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_hosts_program import ME, Systemd, host, item, request
from test_hosts_realise import described, realised, target

from opsctl.model import Cron
from opsctl.targets.hosts.bundle import playbooks
from opsctl.workload import ConfigFile, Job, Text
from toy import with_server

sys.path.insert(0, str(playbooks() / "module_utils"))

from opsctl_host import converge, places, timer
from opsctl_host.shell import RefusedError

JOB = Job(
    name="dump",
    words="dump of 100%",
    when=Cron.parse("0 3 13 * fri"),
    argv=("sh", "/etc/dump it.sh"),
    folder="/mnt/dumps/sessions-0",
    timeout=600,
)
UNIT = "opsctl-shop-sessions-server-dump@sessions-0"
WANTS = "etc/systemd/system/timers.target.wants"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(places, "ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Systemd:
    found = Systemd(monkeypatch)
    monkeypatch.setattr(timer, "run", found.run)
    return found


def wanted() -> dict[str, Any]:
    desired = {"enabled": "yes", "waiting": "yes", "current": "yes", "folder": f"{ME} 0700"}
    spec = {"folder": "/mnt/dumps/a-0", "unit": "a.service"}
    return item("timer", "a.timer", desired, **spec)


def test_a_job_is_a_unit_with_its_components_sandbox_and_one_more_folder(tmp_path: Path) -> None:
    dc = target(tmp_path)
    found = realised(dc, with_server(described(dc), jobs=(JOB,)))
    service = found[f"file /etc/systemd/system/{UNIT}.service"].text
    assert 'ExecStart=sh "/etc/dump it.sh"\n' in service
    assert "User=toy\n" in service
    assert "ProtectSystem=strict\n" in service
    assert f"-{JOB.folder}\n" in service
    assert "Type=oneshot\n" in service
    assert "Restart=" not in service


def test_a_job_may_rewrite_the_file_of_its_metrics_and_not_the_folder_of_others(
    tmp_path: Path,
) -> None:
    metrics = ConfigFile("/var/lib/m/shop/a.prom", Text(("up 1\n",)), life="seeded")
    dc = target(tmp_path)
    found = realised(dc, with_server(described(dc), jobs=(replace(JOB, metrics=metrics),)))
    service = found[f"file /etc/systemd/system/{UNIT}.service"].text
    assert "-/var/lib/m/shop/a.prom" in service
    assert "-/var/lib/m/shop " not in service
    seeded = found["file /var/lib/m/shop/a.prom"]
    assert seeded.desired == {"present": "yes"}
    assert seeded.payload.spec["owner"] == "toy:toy"  # type: ignore[attr-defined]


def test_its_timer_has_all_times_makes_up_for_missed_ones_and_costs_nothing(
    tmp_path: Path,
) -> None:
    dc = target(tmp_path)
    found = realised(dc, with_server(described(dc), jobs=(JOB,)))
    text = found[f"file /etc/systemd/system/{UNIT}.timer"].text
    assert "OnCalendar=*-*-13 03:00:00\nOnCalendar=Fri *-*-* 03:00:00\n" in text
    assert "Persistent=true\n" in text
    assert "dump of 100%%" in text
    one = found[f"timer {UNIT}.timer"]
    assert (one.impact, one.loss, one.component) == ({}, "", "")
    assert one.desired["folder"] == "toy:toy 0700"


def test_a_server_starts_with_the_same_unit_whether_it_has_jobs_or_not(tmp_path: Path) -> None:
    dc = target(tmp_path)
    name = "unit opsctl-shop-sessions-server@sessions-0.service"
    plain = realised(dc)[name]
    timed = realised(dc, with_server(described(dc), jobs=(JOB,)))[name]
    assert plain.desired == timed.desired


def test_a_timer_is_enabled_started_and_its_folder_made(root: Path, systemd: Systemd) -> None:
    assert timer.observe(host(), wanted()).differs(wanted()["desired"])
    timer.change(host(), [wanted()])
    assert (root / WANTS / "a.timer").readlink() == Path("/etc/systemd/system/a.timer")
    assert (root / "mnt/dumps/a-0").stat().st_mode & 0o777 == 0o700
    assert systemd.did == ["restart"]
    assert not timer.observe(host(), wanted()).differs(wanted()["desired"])


def test_a_timer_that_does_not_wait_is_an_error(systemd: Systemd) -> None:
    systemd.facts["ActiveState"] = "failed"
    with pytest.raises(RefusedError, match=r"a\.timer does not wait"):
        timer.change(host(), [wanted()])


def test_removed_a_timer_is_stopped_and_what_its_job_kept_stays(
    root: Path, systemd: Systemd
) -> None:
    assert converge.converge(request(wanted()))["error"] is None
    (root / "mnt/dumps/a-0/precious").touch()
    answer = converge.converge(request(remove=[wanted()]))
    assert answer == {"changed": [wanted()["key"]], "error": None}
    assert "stop" in systemd.did
    assert not (root / WANTS / "a.timer").is_symlink()
    assert (root / "mnt/dumps/a-0/precious").exists()
