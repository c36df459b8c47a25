"""Faults that undo themselves."""

from pathlib import Path

import pytest

from opsctl.lab import cgroup, undo
from opsctl.lab.cgroup import Cgroup
from opsctl.lab.faults import Faults
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


def test_who_is_back_when_a_fault_is_over_is_not_struck_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fault = Fault("f1", "kill", ("n1", "n2"), 0.0)
    left = [(), (fault,), (fault,)]  # n1's processes are held for longer than the fault lasts
    struck: list[str] = []
    monkeypatch.setattr(cgroup, "LEAVING", 0.1)
    monkeypatch.setattr(Cgroup, "strike", lambda group: struck.append(group.name[-2:]))
    monkeypatch.setattr(Cgroup, "populated", lambda _: True)
    monkeypatch.setattr(undo, "arm", lambda *_: fault)
    monkeypatch.setattr(undo, "heal", lambda *_: None)
    monkeypatch.setattr(undo, "recorded", lambda _: left.pop() if len(left) > 1 else left[0])
    folder = Folder(tmp_path)
    nodes = (Node("n1", "debian-13", "r1"), Node("n2", "debian-13", "r1"))
    Faults(folder, Record("shop", 1, nodes, (), 64, 0, folder.tag)).kill("n1", "n2", for_=1.0)
    assert struck == ["n1", "n2"]
