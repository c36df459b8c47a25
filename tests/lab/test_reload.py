"""What a running process takes in without a restart, on a real host; what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from lab_site import await_until
from small_service import PASSWORD, SECRET, different, target, works

from opsctl.errors import OpsError
from opsctl.lab import Lab, LabSpec, up
from opsctl.model import ServiceBase
from opsctl.planning.resource import Resource
from opsctl.ports import Fence, Work
from opsctl.targets.hosts import HostsTarget
from opsctl.workload import (
    Command,
    Component,
    ConfigFile,
    Gate,
    Group,
    Limits,
    Member,
    Operations,
    Package,
    Port,
    Rolling,
    Seat,
    SeatNeed,
    Software,
    Text,
    Workload,
)

pytestmark = pytest.mark.lab
UNIT = "opsctl-shop-web-server@web-0.service"
PORT = 8100
_ALWAYS = Gate("always", lambda standings: "")
# Reads its file when it starts and when it is told to, refuses one that asks for the impossible,
# and says what it goes by.
SERVER = f"""\
import socket, sys
path = sys.argv[1]
taken = open(path).read()
with socket.create_server(("127.0.0.1", {PORT})) as door:
    while True:
        line, _ = door.accept()
        with line:
            if line.recv(100) == b"reload":
                new = open(path).read()
                if "impossible" in new:
                    line.sendall(b"impossible: no such option")
                    continue
                taken = new
            line.sendall(taken.encode())
"""
ASK = f"""\
import socket, sys
with socket.create_connection(("127.0.0.1", {PORT}), 5) as line:
    line.sendall(sys.argv[1].encode())
    said = line.recv(4096).decode()
print(said)
sys.exit(said.startswith("impossible"))
"""


def part(seat: Seat, live: str, more: str = "", **changed: Any) -> Component:
    folder = seat.config_dir
    made = Component(
        name="server",
        software=Software({"debian-13": (Package("python3"),)}),
        command=Command(
            ("/usr/bin/python3", f"{folder}/server.py", f"{folder}/live.conf"),
            reload=("/usr/bin/python3", f"{folder}/ask.py", "reload"),
            grace=5,
        ),
        user="daemon",
        files=(
            ConfigFile(f"{folder}/server.py", Text((SERVER, more))),
            ConfigFile(f"{folder}/ask.py", Text((ASK,)), effect="none"),
            ConfigFile(
                f"{folder}/live.conf",
                Text((live, "\npassword ", PASSWORD, "\n")),
                effect="reload",
                check=("/bin/sh", "-c", 'id -un; ! grep -A1 broken "$0"', "{file}"),
            ),
        ),
        ports=(Port("web", PORT),),
        limits=Limits(memory=64 << 20),
    )
    return replace(made, **changed)


class Web:
    """One member on one host, and what is seen of its process."""

    def __init__(self, lab: Lab, cache: Path) -> None:
        self.lab = lab
        self.dc: HostsTarget = target(lab, cache)
        ServiceBase.model_rebuild()
        self.service = ServiceBase(engine="web", on="dc", replicas=1)
        self.fence: Fence = self.dc.acquire("a test", 300)

    def realised(
        self, live: str, more: str = "", **changed: Any
    ) -> tuple[Workload, tuple[Resource, ...]]:
        need = SeatNeed("servers", 1, {"web": PORT})
        seats = self.dc.seat({"web": (self.service, (need,))}, self.dc.recorded())["web"]
        member = Member(seats[0], (part(seats[0], live, more, **changed),))
        work = Workload(
            service="web",
            engine="web",
            groups=(Group("servers", (member,), quorum=1),),
            rolling=Rolling(("replica", "primary"), _ALWAYS, _ALWAYS, lambda standings, name: ()),
            operations=cast("Operations", None),
            formed=_ALWAYS,
        )
        return work, self.dc.realise((work,), {"web": self.service})

    def apply(self, resources: tuple[Resource, ...]) -> OpsError | None:
        return self.dc.apply(works(resources), self.fence, lambda event: None)["dc/n1"].error

    def left(self, work: Workload, resources: tuple[Resource, ...]) -> dict[str, set[str]]:
        """Kinds of what is not as desired, each with the attributes that differ."""
        actual = self.dc.observe(resources, (work,)).actual
        found = {}
        for one in different(self.dc, resources, work):
            attributes = actual[one.id].attributes or {}
            found[one.id.kind] = {k for k, v in one.desired.items() if attributes.get(k) != v}
        return found

    def on(self, *argv: str) -> str:
        return self.lab.exec("n1", list(argv)).stdout.strip()

    def shown(self, name: str) -> str:
        return self.on("systemctl", "show", "-P", name, UNIT)

    def taken(self) -> str:
        """The first word that the process goes by; it may have been started a moment ago."""
        ask = ["python3", "-c", ASK, "show"]
        said = await_until(
            lambda: self.lab.exec("n1", ask), lambda ended: ended.returncode == 0, "an answer", 10
        )
        return said.stdout.split()[0]

    def kill(self) -> None:
        """The process fails, and systemd starts another."""
        pid = self.shown("MainPID")
        self.on("kill", "-9", pid)
        await_until(
            lambda: self.shown("MainPID"), lambda found: found not in (pid, "0"), "a process", 10
        )
        self.taken()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    lab = up(LabSpec(name="reload", hosts=1), progress=lambda words: None)
    yield lab
    lab.down()


@pytest.fixture
def web(lab: Lab, tmp_path: Path) -> Iterator[Web]:
    web = Web(lab, tmp_path)
    _, resources = web.realised("first")
    assert web.apply(resources) is None
    assert web.taken() == "first"
    yield web
    gone = Work("dc/n1", remove=tuple(one.id for one in resources))
    assert web.dc.apply([gone], web.fence, lambda event: None)["dc/n1"].error is None
    web.dc.release(web.fence)
    assert web.on("sh", "-c", "ls -d /etc/systemd/system/opsctl-* /run/opsctl/*/opsctl-*") == ""


def test_a_changed_file_is_reloaded_and_the_process_stays(web: Web) -> None:
    pid = web.shown("MainPID")
    work, resources = web.realised("second")
    assert web.left(work, resources) == {"file": {"content"}, "unit": {"taken"}}
    assert web.apply(resources) is None
    assert (web.taken(), web.shown("MainPID")) == ("second", pid)
    assert web.left(work, resources) == {}


def test_what_was_written_before_a_crash_is_reloaded_by_the_next_apply(web: Web) -> None:
    pid = web.shown("MainPID")
    work, resources = web.realised("second")
    assert web.apply(tuple(one for one in resources if one.id.kind == "file")) is None
    assert web.taken() == "first"
    assert web.left(work, resources) == {"unit": {"taken"}}
    assert web.apply(tuple(one for one in resources if one.id.kind == "unit")) is None
    assert (web.taken(), web.shown("MainPID")) == ("second", pid)
    assert web.left(work, resources) == {}


def test_where_a_restart_is_due_too_that_is_all_that_is_done(web: Web) -> None:
    pid = web.shown("MainPID")
    work, resources = web.realised("second", more="# another\n")
    assert web.apply(resources) is None
    assert web.taken() == "second"
    assert web.shown("MainPID") != pid
    assert web.left(work, resources) == {}
    said = web.on("journalctl", "-u", UNIT, "--since", "-60s", "-o", "cat", "--no-pager")
    assert "Reloading" not in said[said.rindex("Stopping") :]


def test_a_file_that_its_check_refuses_is_not_put_in_place_and_nothing_is_reloaded(
    web: Web,
) -> None:
    pid = web.shown("MainPID")
    _, resources = web.realised("broken")
    error = web.apply(resources)
    assert error is not None
    assert error.code == "hosts/file-refused"
    assert error.details == ("daemon", "broken", f"password ‹secret {PASSWORD.name}›")
    assert SECRET not in repr(error)
    assert (web.taken(), web.shown("MainPID")) == ("first", pid)
    folder = "/etc/opsctl/shop/web/web-0"
    assert web.on("head", "-1", f"{folder}/live.conf") == "first"
    assert web.on("ls", "-A", folder).split() == ["ask.py", "live.conf", "server.py"]
    work, resources = web.realised("first")
    assert web.left(work, resources) == {}


def test_a_reload_that_fails_leaves_the_old_process_serving_and_stays_due(web: Web) -> None:
    pid = web.shown("MainPID")
    work, resources = web.realised("impossible")
    error = web.apply(resources)
    assert error is not None
    assert error.code == "hosts/reload-failed"
    assert "old configuration keeps serving" in error.message
    assert any("no such option" in line for line in error.details)
    assert (web.taken(), web.shown("MainPID")) == ("first", pid)
    assert web.left(work, resources) == {"unit": {"taken"}}
    work, resources = web.realised("first")
    assert web.left(work, resources) == {"file": {"content"}}
    assert web.apply(resources) is None
    assert (web.taken(), web.shown("MainPID")) == ("first", pid)


def test_a_process_that_failed_and_came_back_has_taken_in_what_was_there(web: Web) -> None:
    work, resources = web.realised("second")
    assert web.apply(tuple(one for one in resources if one.id.kind == "file")) is None
    web.kill()
    assert web.taken() == "second"
    assert web.left(work, resources) == {}


def test_more_memory_is_given_to_the_running_process(web: Web) -> None:
    pid = web.shown("MainPID")
    work, resources = web.realised("first", limits=Limits(memory=96 << 20))
    assert web.left(work, resources) == {"file": {"content"}}
    changed = tuple(one for one in different(web.dc, resources, work))
    assert web.apply(changed) is None  # the unit itself is not among them
    assert (web.shown("MemoryMax"), web.shown("MainPID")) == (str(96 << 20), pid)
    assert web.left(work, resources) == {}


def test_a_drop_in_that_systemd_was_not_told_of_is_read_by_the_next_apply(web: Web) -> None:
    pid = web.shown("MainPID")
    work, resources = web.realised("first")
    web.on("touch", f"/etc/systemd/system/{UNIT}.d/limits.conf")  # as a crash after writing leaves
    assert web.left(work, resources) == {"unit": {"current"}}
    assert web.apply(resources) is None
    assert web.left(work, resources) == {}
    assert web.shown("MainPID") == pid


def test_a_process_started_from_an_older_unit_than_its_file_is_due_for_a_restart(web: Web) -> None:
    """Killed after writing the unit, and the process failed before systemd was told of it."""
    work, resources = web.realised("first", limits=Limits(memory=64 << 20, open_files=2000))
    unit = next(one for one in resources if one.id.name.endswith(f"/{UNIT}"))
    web.lab.exec("n1", ["tee", unit.id.name], text=unit.text)
    web.kill()
    assert web.left(work, resources) == {"unit": {"loaded", "current"}}
    assert web.apply(resources) is None
    assert web.left(work, resources) == {}
    assert web.shown("LimitNOFILE") == "2000"


def test_a_process_has_the_capabilities_that_are_named_and_no_other(web: Web) -> None:
    work, resources = web.realised(
        "first", user="root", capabilities=("CAP_NET_ADMIN", "CAP_NET_RAW")
    )
    assert web.apply(resources) is None
    status = web.on("cat", f"/proc/{web.shown('MainPID')}/status")
    sets = {line.split()[0]: int(line.split()[1], 16) for line in status.splitlines()
            if line.startswith(("CapEff", "CapBnd"))}  # fmt: skip
    assert sets == {"CapEff:": 0x3000, "CapBnd:": 0x3000}
    assert web.left(work, resources) == {}
    assert "AF_PACKET" in web.shown("RestrictAddressFamilies")
