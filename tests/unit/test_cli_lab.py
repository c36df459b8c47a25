"""`lab` and `secrets` on the command line: words in, calls of wiring out."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cli_world import World, make_world, wire

from opsctl.cli.lab_options import seconds
from opsctl.errors import Exit, OpsError, SpecError


class LabInMemory:
    """Writes down what it is told."""

    name = "lab"
    hosts = (
        SimpleNamespace(
            name="n1", address="10.77.0.11", system="debian-13", running=True, rack="r1"
        ),
    )

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.faults = self

    def active(self) -> tuple[Any, ...]:
        return ()

    def kill(self, *hosts: str, for_: float) -> None:
        self.calls.append(("kill", hosts, for_))

    def partition(self, a: Any, b: Any, *, one_way: bool, for_: float) -> None:
        self.calls.append(("partition", a, b, one_way, for_))

    def exec(self, host: str, words: Any, **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 3, f"on {host}: {' '.join(words)}\n", "oops\n")

    def down(self) -> None:
        self.calls.append("down")


@pytest.fixture(name="world")
def a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return make_world(tmp_path, monkeypatch)


class ClusterInMemory:
    """A cluster of two nodes, one of them off."""

    name = "kubernetes"
    kubeconfig = Path("/state/kubernetes/kubeconfig")

    def __init__(self) -> None:
        self.calls: list[str] = []

    def nodes(self) -> tuple[Any, ...]:
        first = SimpleNamespace(
            name="n1", address="10.77.0.11", zone="r1", running=True, ready=True, control=True
        )
        off = {"name": "n2", "running": False, "ready": False, "control": False}
        return (first, SimpleNamespace(**{**vars(first), **off}))

    def down(self) -> None:
        self.calls.append("down")


@pytest.fixture(name="lab")
def a_lab(world: World, monkeypatch: pytest.MonkeyPatch) -> LabInMemory:
    lab = LabInMemory()
    functions: dict[str, Any] = {"lab": lambda name: lab, "labs": lambda: (lab,)}
    for module in ("lab", "lab_fault"):
        monkeypatch.setattr(f"opsctl.cli.{module}.wiring", SimpleNamespace(**functions))
    wire(monkeypatch, **functions)
    return lab


def test_status_lists_every_host(
    lab: LabInMemory, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("lab", "status") == Exit.DONE
    assert "  n1    10.77.0.11  debian-13  r1    running" in capsys.readouterr().out
    world.call("lab", "status", "-o", "json")
    assert json.loads(capsys.readouterr().out)[0]["hosts"][0]["running"] is True


def test_a_fault_lasts_as_long_as_it_is_said(lab: LabInMemory, world: World) -> None:
    assert world.call("lab", "fault", "kill", "n1", "n2", "--for", "2m") == Exit.DONE
    assert world.call("lab", "fault", "partition", "n1:n2,n3", "--one-way") == Exit.DONE
    assert lab.calls == [
        ("kill", ("n1", "n2"), 120.0),
        ("partition", ["n1"], ["n2", "n3"], True, 60.0),
    ]


def test_a_partition_of_one_group_is_refused(lab: LabInMemory, world: World) -> None:
    assert world.call("lab", "fault", "partition", "n1,n2") == Exit.INPUT
    assert lab.calls == []


def test_exec_passes_words_output_and_failure_through(
    lab: LabInMemory, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("lab", "exec", "n1", "--", "ls", "-l") == Exit.FAILED
    assert capsys.readouterr() == ("on n1: ls -l\n", "oops\n")


def test_down_removes_the_lab_that_is_named(lab: LabInMemory, world: World) -> None:
    assert world.call("lab", "down") == Exit.DONE
    assert lab.calls == ["down"]


@pytest.mark.parametrize("words", [["lab", "down"], ["lab", "kubernetes", "down"]])
def test_what_is_gone_already_can_be_removed_again(
    words: list[str],
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def none(name: str) -> Any:
        raise OpsError("lab/none", "there is none", exit=Exit.REFUSED)

    functions: dict[str, Any] = {"lab": none, "cluster": none}
    for module in ("lab", "lab_kubernetes"):
        monkeypatch.setattr(f"opsctl.cli.{module}.wiring", SimpleNamespace(**functions))
    assert world.call(*words) == Exit.DONE
    assert "there is none" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["5", "s", "-3s", "nan s", "", "25h", "1d"])
def test_a_length_of_time_wants_its_unit(text: str) -> None:
    with pytest.raises(SpecError):
        seconds(text)


class Door:
    """The secrets of an environment, in memory."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def init(self) -> bool:
        return True

    def names(self) -> Any:
        return (SimpleNamespace(name="demo/admin", given=False, generation=2),)

    def show(self, name: str) -> str:
        return "hunter22"

    def set(self, name: str, value: str) -> None:
        self.values[name] = value

    def rotate(self, name: str) -> int:
        return 3


@pytest.fixture(name="door")
def a_door(world: World, monkeypatch: pytest.MonkeyPatch) -> Door:
    door = Door()
    monkeypatch.setattr("opsctl.wiring.secrets", lambda files, sets: door, raising=False)
    return door


def test_secrets_are_listed_by_name_and_shown_only_one_at_a_time(
    door: Door, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.call("secrets", "show")
    out = capsys.readouterr().out
    assert "demo/admin  derived  2" in out
    assert "hunter22" not in out
    world.call("secrets", "show", "demo/admin")
    assert capsys.readouterr().out == "hunter22\n"


def test_a_value_is_read_from_a_pipe_less_its_last_newline_and_never_shown(
    door: Door,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin.read", lambda: "hunter22\n", raising=False)
    assert world.call("secrets", "set", "grafana-token") == Exit.DONE
    assert door.values == {"grafana-token": "hunter22"}
    assert "hunter22" not in "".join(capsys.readouterr())


def test_a_piped_value_that_is_no_text_is_refused_and_no_mistake_of_opsctl(
    door: Door, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe"), encoding="utf-8"))
    assert world.call("secrets", "set", "keystore") == Exit.INPUT
    assert not door.values
    assert "error[secrets/bad-value] keystore" in capsys.readouterr().err


def test_who_closed_standard_input_gave_no_value(
    door: Door, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    world.call("secrets", "set", "grafana-token")
    assert door.values == {"grafana-token": ""}  # which the real one refuses
    assert "opsctl/bug" not in capsys.readouterr().err


def test_init_and_rotate_say_what_comes_next(
    door: Door, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("secrets", "init") == Exit.DONE
    assert world.call("secrets", "rotate", "demo/admin") == Exit.DONE
    err = capsys.readouterr().err
    assert "keep a copy" in err
    assert "generation 3 now; next: opsctl apply" in err


def test_a_cluster_is_shown_with_what_to_export(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = ClusterInMemory()
    asked: list[Any] = []

    def up(name: str, *, nodes: int, progress: Any) -> ClusterInMemory:
        asked.append((name, nodes))
        return cluster

    functions: dict[str, Any] = {"cluster_up": up, "cluster": lambda name: cluster}
    monkeypatch.setattr("opsctl.cli.lab_kubernetes.wiring", SimpleNamespace(**functions))
    assert world.call("lab", "kubernetes", "up", "--nodes", "2") == Exit.DONE
    shown = capsys.readouterr().out
    assert asked == [("kubernetes", 2)]
    assert "export KUBECONFIG=/state/kubernetes/kubeconfig" in shown
    assert world.call("lab", "kubernetes", "down") == Exit.DONE
    assert cluster.calls == ["down"]
