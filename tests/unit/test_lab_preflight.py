"""What the machine lacks is said before anything is made; waits and locks end."""

import os
import threading
from pathlib import Path

import pytest

from opsctl.errors import Exit, OpsError
from opsctl.lab import LabSpec, find, missing_tools, network, preflight, require, up
from opsctl.lab.commands import locked, run, until
from opsctl.lab.preflight import TOOLS


def test_every_missing_program_comes_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dict(missing_tools())["systemd-nspawn"] == "apt-get install systemd-container"
    assert {tool for tool, _ in missing_tools()} == set(TOOLS)


def test_a_lab_is_refused_when_a_program_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OpsError) as error:
        require()
    assert error.value.code == "lab/missing-tool"
    assert "mmdebstrap" in error.value.hint
    assert error.value.exit == Exit.REFUSED


def test_who_is_not_root_is_told_so_and_nothing_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(OpsError) as error:
        up(LabSpec(), state_dir=tmp_path, progress=lambda _: None)
    assert error.value.code == "lab/not-root"
    assert list(tmp_path.iterdir()) == []


def test_a_lab_that_does_not_exist_is_not_found(tmp_path: Path) -> None:
    assert find("none", state_dir=tmp_path) is None


def test_a_wait_ends_and_says_what_it_waited_for() -> None:
    with pytest.raises(OpsError, match="the moon") as error:
        until(lambda: False, what="the moon", timeout=0.05)
    assert error.value.code == "lab/timeout"


def test_a_lock_that_is_held_is_refused_after_its_time_and_free_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    errors: list[OpsError] = []

    def second() -> None:
        try:
            with locked(lock, what="the lab", timeout=0.05):
                pass
        except OpsError as error:
            errors.append(error)

    with locked(lock, what="the lab", timeout=1):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert [(error.code, error.exit) for error in errors] == [("lab/locked", Exit.LOCKED)]
    with locked(lock, what="the lab", timeout=0):
        pass


def test_a_program_that_fails_or_hangs_is_an_error_with_its_last_lines() -> None:
    with pytest.raises(OpsError) as failed:
        run(["sh", "-c", "echo why >&2; exit 3"], what="trying")
    assert (failed.value.code, failed.value.details) == ("lab/command", ("why",))
    with pytest.raises(OpsError) as slow:
        run(["sleep", "5"], what="trying", timeout=0.05)
    assert slow.value.code == "lab/timeout"


def test_forwarding_is_switched_back_only_where_a_lab_switched_it_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    switch, noted = tmp_path / "ip_forward", tmp_path / "before"
    monkeypatch.setattr(network, "FORWARD", switch)
    monkeypatch.setattr(network, "FORWARD_BEFORE", noted)
    for before in ("0\n", "1\n"):
        switch.write_text(before)
        network.switch_forwarding_on()
        network.switch_forwarding_on()
        assert switch.read_text() == "1\n"
        network.restore_forwarding()
        assert switch.read_text() == before
        assert not noted.exists()


def test_more_hosts_than_inotify_has_room_for_are_refused_with_the_setting_to_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limit = tmp_path / "limit"
    limit.write_text("0\n")
    monkeypatch.setattr(preflight, "INOTIFY", limit)
    with pytest.raises(OpsError) as error:
        preflight.require_inotify(1)
    assert error.value.code == "lab/inotify"
    assert "sysctl -w fs.inotify.max_user_instances=" in error.value.hint
    limit.write_text("1000000\n")
    preflight.require_inotify(1)


def test_hosts_that_run_containers_need_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = int(preflight.INOTIFY.read_text())
    monkeypatch.setattr(preflight, "_inotify_used", lambda: limit - 4 * 5)
    preflight.require_inotify(4)
    with pytest.raises(OpsError, match="inotify"):
        preflight.require_inotify(4, nested=True)
