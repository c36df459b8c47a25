"""Faults that undo themselves."""

from pathlib import Path

import pytest

from opsctl.lab import undo
from opsctl.lab.folder import Folder, Record
from opsctl.lab.host import Host
from opsctl.lab.spec import Node
from opsctl.lab.undo import Fault


def test_a_killed_host_is_started_once_the_kernel_has_let_go_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    left = [True, True]  # looks at which processes of it are still there
    started: list[str] = []

    def start(host: Host) -> None:
        if not host.running:
            started.append(host.node.name)

    monkeypatch.setattr(Host, "running", property(lambda _: bool(left) and left.pop()))
    monkeypatch.setattr(Host, "answers", lambda _: False, raising=False)
    monkeypatch.setattr(Host, "start", start)
    monkeypatch.setattr(Host, "await_ssh", lambda _: None)
    folder = Folder(tmp_path)
    record = Record("shop", 1, (Node("n1", "debian-13", "r1"),), (), 64, 0, folder.tag)
    undo._undo(folder, record, Fault("f1", "kill", ("n1",), 0.0))
    assert started == ["n1"]
