"""Questions on a host without a program: a port spoken to, and answers that still hold."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsctl.targets.hosts.bundle import COMMAND, bundle, playbooks

sys.path.insert(0, str(playbooks() / "module_utils"))

from opsctl_host import asking, bus, dialling, jsontext, places
from opsctl_host import host as hosts
from opsctl_host.host import Host
from opsctl_host.shell import Result

ENV = {"name": "shop", "id": "shop"}
Says = Callable[[str], bytes]


@contextmanager
def server(says: Says, hangs_up: bool = True) -> Iterator[int]:
    """A port where each caller is told what `says` makes of all that it sent at once."""

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            lines.append(line)
            line.sendall(says(line.recv(65536).decode()))
            if hangs_up:
                line.close()

    lines: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for line in lines:
            line.close()


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(places, "ROOT", str(tmp_path))
    return tmp_path


def test_all_that_comes_until_the_server_hangs_up_is_the_answer() -> None:
    with server(lambda said: said.upper().encode() * 1000 + b"\xff") as port:
        said = dialling.said(port, "é ping\n", 5)
    assert (said.exit, said.out[:7], len(said.out)) == (0, "É PING\n", 7001)
    assert said.out.encode(errors="surrogateescape").endswith(b"\xff")


def test_a_server_that_does_not_hang_up_or_is_not_there_is_an_answer_too() -> None:
    with server(lambda _: b"some", hangs_up=False) as port:
        said = dialling.said(port, "ping\n", 0.2)
    assert (said.exit, said.out, said.err) == (
        -1, "some", f"port {port} did not answer within 0.2 s",
    )  # fmt: skip
    gone = dialling.said(port, "ping\n", 0.2)
    assert (gone.exit, gone.out) == (-1, "")
    assert "refused" in gone.err


def test_a_question_to_a_port_starts_no_program(root: Path) -> None:
    (root / "secret").write_text("pass\n")
    with server(lambda said: f"<{said}>".encode()) as port:
        asked = {
            "member": "a-0", "unit": "u", "argv": ["/nowhere"], "timeout": 5, "port": port,
            "stdin": ["AUTH ", {"file": "/secret"}, "\n"],
        }  # fmt: skip
        assert asking.answers([asked], reading=True) == [[0, "<AUTH pass\n>", ""]]


class Compared:
    """A server's word and a file, which a program compares; `runs` counts the program."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
        self.runs, self.notes = 0, root / "notes"
        self.meanwhile: Callable[[], None] = lambda: None
        self.code = 0
        self.notes.write_text("as noted")
        steady = {"port": port, "stdin": ["tell\n"], "files": ["/notes", "/not there"]}
        self.asked = {
            "member": "a-0", "unit": "u", "argv": ["compare"], "stdin": ["wanted"], "timeout": 5,
            "steady": steady,
        }  # fmt: skip
        monkeypatch.setattr(asking, "run", self.run)

    def run(self, argv: list[str], stdin: str, timeout: float, user: str) -> Result:
        self.runs += 1
        self.meanwhile()
        return Result(self.code, f"run {self.runs}", "")

    def answer(self, stdin: str = "wanted") -> str:
        (answer,) = asking.answers([{**self.asked, "stdin": [stdin]}], reading=True)
        return str(answer[1])


@pytest.fixture
def word() -> list[str]:
    return ["as ever"]


@pytest.fixture
def compared(root: Path, monkeypatch: pytest.MonkeyPatch, word: list[str]) -> Iterator[Compared]:
    (root / "run/opsctl/agent").mkdir(mode=0o700, parents=True)
    with server(lambda _: word[0].encode()) as port:
        yield Compared(root, monkeypatch, port)


def test_an_answer_holds_as_long_as_all_that_it_depends_on(
    compared: Compared, word: list[str]
) -> None:
    assert [compared.answer() for _ in range(3)] == ["run 1"] * 3
    word[0] = "otherwise"
    assert [compared.answer() for _ in range(2)] == ["run 2"] * 2
    compared.notes.write_text("noted anew")
    assert [compared.answer() for _ in range(2)] == ["run 3"] * 2
    compared.notes.unlink()
    assert [compared.answer() for _ in range(2)] == ["run 4"] * 2
    assert [compared.answer("else") for _ in range(2)] == ["run 5"] * 2


def test_an_answer_is_not_kept_when_the_server_changed_while_it_was_made(
    compared: Compared, word: list[str]
) -> None:
    compared.meanwhile = lambda: word.__setitem__(0, f"changed {compared.runs}")
    assert compared.answer() == "run 1"
    compared.meanwhile = lambda: None
    assert [compared.answer() for _ in range(2)] == ["run 2"] * 2


def test_a_failure_is_not_kept(compared: Compared) -> None:
    compared.code = 1
    assert [compared.answer() for _ in range(2)] == ["run 1", "run 2"]


def test_nothing_is_kept_where_no_change_made_the_folder_or_others_may_write(
    compared: Compared, root: Path
) -> None:
    folder = root / "run/opsctl/agent"
    folder.chmod(0o777)
    assert [compared.answer() for _ in range(2)] == ["run 1", "run 2"]
    assert not list(folder.iterdir())
    folder.rmdir()
    assert compared.answer() == "run 3"
    assert not folder.exists()


def test_what_is_kept_holds_neither_password_nor_what_the_server_said(
    compared: Compared, root: Path, word: list[str]
) -> None:
    word[0] = "a password"
    compared.answer("another password")
    (kept,) = (root / "run/opsctl/agent").iterdir()
    assert "password" not in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda some: st.lists(some) | st.dictionaries(st.text(), some),
)


@given(VALUES)
def test_json_is_read_and_written_as_the_package_does(value: Any) -> None:
    assert jsontext.written(value) == json.dumps(value, separators=(",", ":"))
    assert jsontext.read(f" {json.dumps(value, indent=1)}\n") == value


@pytest.mark.parametrize("text", ["", "{", '{"a": 1', "1 2", "nothing", '["a" "b"]'])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        jsontext.read(text)


def _systemd(monkeypatch: pytest.MonkeyPatch, root: Path, said: bytes) -> threading.Thread:
    """systemd's socket, on which somebody says `said` once to whoever comes."""
    path = root / "run/systemd/private"
    path.parent.mkdir(parents=True)
    listener = socket.socket(socket.AF_UNIX)
    monkeypatch.chdir(root)  # a socket's path is short
    listener.bind("run/systemd/private")
    listener.listen()
    monkeypatch.setattr(bus, "SOCKET", "run/systemd/private")
    monkeypatch.setattr(places, "ROOT", "")

    def serve() -> None:
        line, _ = listener.accept()
        with contextlib.suppress(OSError):  # it may hang up first
            line.sendall(said)
            line.shutdown(socket.SHUT_WR)
            while line.recv(65536):
                pass
        line.close()
        listener.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


# What systemd 257 said of ssh.service and nosuch.service.
SAID = (Path(__file__).parent / "hosts_answers" / "systemd-257.bin").read_bytes()
NAMES = ["ssh.service", "nosuch.service"]


def test_systemd_is_asked_for_units_without_its_client(
    monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    thread = _systemd(monkeypatch, root, SAID)
    monkeypatch.setattr(hosts, "run", None)
    host = Host(ENV, None, {})
    host.glance(NAMES)
    assert host.unit("ssh.service") == {
        "LoadState": "loaded", "ActiveState": "active", "SubState": "running",
        "NeedDaemonReload": "no",
    }  # fmt: skip
    assert host.unit("nosuch.service")["LoadState"] == "not-found"
    thread.join()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"REJECTED EXTERNAL\r\n",
        SAID[:50],
        SAID[:200],
        SAID[:-1],
        SAID.replace(b"l\x02", b"l\x03"),  # an error in the place of each answer
        SAID.replace(b"l\x02", b"B\x02"),  # in another order of bytes
    ],
)
def test_whatever_else_it_says_its_client_is_asked(
    monkeypatch: pytest.MonkeyPatch, root: Path, said: bytes
) -> None:
    thread = _systemd(monkeypatch, root, said)
    blocks = "LoadState=loaded\nActiveState=active\n\nLoadState=masked\nActiveState=inactive\n"
    monkeypatch.setattr(hosts, "run", lambda argv, timeout: Result(0, blocks, ""))
    host = Host(ENV, None, {})
    host.glance(NAMES)
    assert host.unit("nosuch.service") == {"LoadState": "masked", "ActiveState": "inactive"}
    thread.join()


def test_a_look_waits_for_none_of_python_s_slow_modules() -> None:
    asked = {"items": [], "queries": [], "wishes": [], "volumes": [], "documents": 0}
    request = {
        "environment": ENV, "deadline": 5, "key": None, "look": {**asked, "floating": None},
    }  # fmt: skip
    command = COMMAND.replace("/usr/bin/python3 -IS", f"{sys.executable} -X importtime -IS")
    done = subprocess.run(
        ["sh", "-c", command], input=bundle().program + json.dumps(request).encode(),
        capture_output=True, timeout=20, check=True,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert "look" in answer or answer["error"]["code"] == "hosts/no-root"
    told = done.stderr.decode().splitlines()
    imported = {line.rpartition("|")[2].strip() for line in told}
    # Without /run/opsctl/agent the program is compiled first, from JSON.
    slow = {"subprocess", "threading", "ctypes", "typing", "contextlib", "socket", "ipaddress"}
    assert "opsctl_host.look" in imported
    assert not imported & slow
