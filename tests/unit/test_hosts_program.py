"""The host's program, run here in a folder of its own: kinds, manifest, lock, journal, bundle."""

from __future__ import annotations

import getpass
import grp
import json
import os
import subprocess
import sys
import threading
import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsctl.targets.hosts import fingerprints
from opsctl.targets.hosts.bundle import bundle, playbooks

sys.path.insert(0, str(playbooks() / "module_utils"))

from opsctl_host import (
    converge,
    directory,
    file,
    filling,
    fingerprint,
    firewall,
    journal,
    package,
    places,
    process,
    record,
    sockets,
    unit,
)
from opsctl_host import lock as host_lock
from opsctl_host.host import Host
from opsctl_host.lock import Lock
from opsctl_host.look import observed
from opsctl_host.manifest import Manifest
from opsctl_host.shell import RefusedError, Result, run

ME = f"{getpass.getuser()}:{grp.getgrgid(os.getgid()).gr_name}"
KEY = "00ff"
ENV = {"name": "shop", "id": "shop"}


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(places, "ROOT", str(tmp_path))
    return tmp_path


def host(key: str | None = KEY) -> Host:
    return Host(ENV, key, {})


def item(kind: str, name: str, desired: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "kind": kind, "name": name, "key": f"{kind}|dc/n1|{name}", "desired": desired,
        "spec": spec, "service": "a", "member": "a-0", "loss": "", "protected": False,
        "seat": None,
    }  # fmt: skip


def text_file(name: str, content: str, secret: bool = False) -> dict[str, Any]:
    key = bytes.fromhex(KEY) if secret else b""
    desired = {
        "content": fingerprint.of_content(key, content.encode()), "mode": "0640", "owner": ME,
    }  # fmt: skip
    return item("file", name, desired, secret=secret, content=content, mode="0640", owner=ME)


def request(*write: dict[str, Any], remove: Any = (), fence: Any = None) -> dict[str, Any]:
    return {
        "environment": ENV, "key": KEY, "options": {}, "fence": fence, "write": list(write),
        "remove": list(remove), "restart": [],
    }  # fmt: skip


@pytest.mark.parametrize("key", [b"", b"k" * 32, b"a longer key " * 10])
def test_both_sides_make_the_same_fingerprints(key: bytes) -> None:
    assert fingerprint.of_content(key, b"text") == fingerprints.of_content(key, b"text")
    parts = {"b": "2", "a": "1"}
    assert fingerprint.of_parts(parts) == fingerprints.of_parts(parts)


def test_a_file_is_written_whole_noted_first_and_found_again(root: Path) -> None:
    wanted = text_file("/etc/opsctl/shop/a.conf", "port 1\n")
    answer = converge.converge(request(wanted))
    assert answer == {"changed": [wanted["key"]], "error": None}
    assert (root / "etc/opsctl/shop/a.conf").read_text() == "port 1\n"
    assert not file.observe(host(), wanted).differs(wanted["desired"])
    assert list(Manifest("shop", "shop").resources) == [wanted["key"]]
    assert converge.converge(request(wanted))["changed"] == []


def test_a_text_comes_back_only_when_it_differs_and_never_with_a_secret() -> None:
    plain, secret = text_file("/etc/x", "old\n"), text_file("/etc/y", "old\n", secret=True)
    converge.converge(request(plain, secret))
    assert file.observe(host(), plain).text == ""
    plain["desired"]["content"] = secret["desired"]["content"] = "other"
    assert file.observe(host(), plain).text == "old\n"
    assert file.observe(host(), secret).text == ""


def test_without_the_key_a_secret_holding_file_is_not_compared() -> None:
    secret = text_file("/etc/y", "old\n", secret=True)
    converge.converge(request(secret))
    found = file.observe(host(key=None), secret)
    assert found.attributes is not None
    assert "content" not in found.attributes


def test_a_file_that_is_not_ours_is_refused_and_untouched(root: Path) -> None:
    (root / "etc").mkdir()
    (root / "etc/x").write_text("theirs")
    answer = converge.converge(request(text_file("/etc/new", "a"), text_file("/etc/x", "ours")))
    assert answer["error"]["code"] == "hosts/foreign"
    assert answer["changed"] == []
    assert (root / "etc/x").read_text() == "theirs"
    assert not (root / "etc/new").exists()


def test_a_folder_that_is_not_empty_and_not_ours_is_refused(root: Path) -> None:
    data = item("directory", "/data", {"owner": ME, "mode": "0750"})
    (root / "data").mkdir()
    assert directory.observe(host(), data).foreign == ""
    (root / "data/theirs").touch()
    assert "not empty" in directory.observe(host(), data).foreign


def test_a_seeded_file_is_written_once(root: Path) -> None:
    seed = item("file", "/etc/s", {"present": "yes"}, seeded=True, content="1", mode="0600",
                owner=ME)  # fmt: skip
    converge.converge(request(seed))
    (root / "etc/s").write_text("the server's own")
    seed["spec"]["content"] = "2"
    assert converge.converge(request(seed))["changed"] == []
    assert (root / "etc/s").read_text() == "the server's own"


def test_removing_takes_what_is_ours_and_its_empty_folders(root: Path) -> None:
    mine = text_file("/etc/opsctl/shop/a/a-0/x.conf", "x")
    converge.converge(request(mine))
    theirs = {"kind": "file", "name": "/etc/passwd", "key": "file|dc/n1|/etc/passwd"}
    (root / "etc/passwd").touch()
    answer = converge.converge(request(remove=[mine, theirs]))
    assert answer == {"changed": [mine["key"]], "error": None}
    assert (root / "etc/passwd").exists()
    assert not (root / "etc/opsctl").exists()
    assert not (root / "var/lib/opsctl/shop/manifest.json").exists()


def test_a_member_that_leaves_takes_its_runtime_folder_along_and_nobody_else_s(
    root: Path,
) -> None:
    def of(member: str, name: str, loss: str = "") -> dict[str, Any]:
        run_dir = f"/run/opsctl/shop/a/{member}"
        (root / run_dir.removeprefix("/")).mkdir(parents=True, exist_ok=True)
        (root / run_dir.removeprefix("/") / "pid").touch()
        made = text_file(f"/etc/opsctl/shop/a/{member}/{name}", "x")
        return {**made, "member": member, "seat": {"run_dir": run_dir}, "loss": loss}

    one, more, data = of("a-0", "x.conf"), of("a-0", "y.conf"), of("a-0", "data", "its data")
    other = of("a-1", "x.conf")
    converge.converge(request(one, more, data, other))
    converge.converge(request(remove=[one]))
    assert (root / "run/opsctl/shop/a/a-0/pid").exists()  # it has another file still
    converge.converge(request(remove=[more]))
    assert not (root / "run/opsctl/shop/a/a-0").exists()
    assert (root / "run/opsctl/shop/a/a-1/pid").exists()
    converge.converge(request(remove=[other, data]))
    assert not (root / "run/opsctl/shop").exists()


def test_a_seat_elsewhere_than_below_run_loses_nothing(root: Path) -> None:
    (root / "srv/theirs").mkdir(parents=True)
    mine = {**text_file("/etc/x", "x"), "seat": {"run_dir": "/srv/theirs"}}
    converge.converge(request(mine))
    converge.converge(request(remove=[mine]))
    assert (root / "srv/theirs").exists()


def test_another_environment_s_id_is_refused() -> None:
    converge.converge(request(text_file("/etc/x", "a")))
    other = request(text_file("/etc/x", "b"))
    other["environment"] = {"name": "shop", "id": "another"}
    assert converge.converge(other)["error"]["code"] == "hosts/other-environment"


def renamed(where: str, *others: str) -> dict[str, Any]:
    return {**ENV, "where": where, "others": list(others)}


def as_on(where: str, thing: dict[str, Any]) -> dict[str, Any]:
    return {**thing, "key": f"{thing['kind']}|{where}|{thing['name']}"}


def test_what_is_noted_under_a_name_that_the_host_no_longer_has_is_its_own(root: Path) -> None:
    seat = {"member": "a-0", "node": "n1", "run_dir": "/run/opsctl/shop/a/a-0"}
    data = {**item("directory", "/data", {"owner": ME, "mode": "0750"}), "seat": seat}
    config = text_file("/etc/x", "old")
    converge.converge(request(config, data))
    (root / "data/dump.rdb").touch()
    for where, node in (("dc/db1", "db1"), ("east/n1", "n1")):
        here = Host(renamed(where), KEY, {})
        things = [as_on(where, config), as_on(where, data)]
        for thing in things:
            found = observed(here, thing)
            assert not found.foreign
            assert not found.differs(thing["desired"])
        assert set(here.manifest.resources) == {thing["key"] for thing in things}
        assert here.manifest.seats["a-0"] == {**seat, "node": node, "turn": 0}
    change = as_on("dc/db1", text_file("/etc/x", "new"))
    order = {**request(change), "environment": renamed("dc/db1")}
    assert converge.converge(order) == {"changed": [change["key"]], "error": None}
    # The next change writes all of it down as it is called now.
    assert set(Manifest("shop", "shop").resources) == {change["key"], "directory|dc/db1|/data"}


def test_what_may_be_another_place_s_is_neither_taken_nor_called_foreign(root: Path) -> None:
    config = text_file("/etc/x", "old")
    converge.converge(request(config))
    for where, other in (("dc/db1", "dc/n1"), ("east/n1", "dc")):
        order = {
            **request(as_on(where, text_file("/etc/x", "new"))),
            "environment": renamed(where, other),
        }
        error = converge.converge(order)["error"]
        assert error["code"] == "hosts/renamed"
        assert "from when the spec called this host dc/n1" in error["message"]
        assert "nothing is to be removed" in error["hint"]
    assert (root / "etc/x").read_text() == "old"


def test_a_thing_that_is_noted_under_both_names_keeps_what_is_noted_of_either() -> None:
    old, new = text_file("/etc/x", "a"), as_on("dc/db1", text_file("/etc/x", "a"))
    manifest = Manifest("shop", "shop")
    manifest.add([old])
    manifest.resources[old["key"]]["before"] = True
    manifest.add([{**new, "member": "a-1"}])
    manifest.save()
    entry = {"service": "a", "member": "a-1", "loss": "", "protected": False, "before": True}
    assert Manifest("shop", "shop", "dc/db1").resources == {new["key"]: entry}


def test_a_disk_that_is_full_leaves_the_old_file(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converge.converge(request(text_file("/etc/x", "old")))

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RefusedError) as error:
        places.write(str(root / "etc/x"), b"new", 0o644, os.getuid(), os.getgid())
    assert error.value.wire["code"] == "hosts/disk-full"
    assert (root / "etc/x").read_text() == "old"
    assert [path.name for path in (root / "etc").iterdir()] == ["x"]


@pytest.mark.parametrize(
    ("installed", "wanted", "fits"),
    [
        ("5:8.0.2-3+deb13u1", "8", True),
        ("5:8.0.2-3+deb13u1", "8.0", True),
        ("5:8.0.2-3+deb13u1", "8.0.2", True),
        ("5:8.0.2-3+deb13u1", "5:8.0.2-3+deb13u1", True),
        ("5:8.0.2-3+deb13u1", "any", True),
        ("5:8.0.2-3+deb13u1", "8.0.1", False),
        ("80.1-1", "8", False),
        ("7.0.15~ds1-1", "7.0", True),
    ],
)
def test_a_version_is_wanted_by_its_leading_parts(installed: str, wanted: str, fits: bool) -> None:
    assert package.matches(installed, wanted) is fits


def test_installed_and_offered_versions_are_read_from_the_files_themselves(root: Path) -> None:
    status = root / "var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text(
        "Package: toy-tools\nStatus: install ok installed\nVersion: 1\n\n"
        "Package: toy\nStatus: install ok installed\nVersion: 2:2.1-1\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
    )
    assert [host().package(name) for name in ("toy", "gone", "none")] == ["2:2.1-1", "", ""]
    lists = root / "var/lib/apt/lists"
    lists.mkdir(parents=True)
    (lists / "a_Packages").write_text(
        "Package: toy\nVersion: 2.9-1\n\nPackage: toy\nVersion: 2.10-1\n"
    )
    (lists / "b_Packages").write_text("Package: toy-tools\nVersion: 7\n")
    offered = package.candidates(item("package", "toy", {"version": "2"}))
    assert sorted(offered) == ["2.10-1", "2.9-1"]


def lock() -> Lock:
    places.make_folder(places.state("shop"))
    return Lock("shop")


def test_a_lock_is_granted_once_and_tokens_only_grow() -> None:
    assert lock().acquire(1, "one", 60)["granted"]
    assert not lock().acquire(2, "two", 60)["granted"]
    lock().release(1, "two")
    assert not lock().acquire(2, "two", 60)["granted"]
    lock().release(1, "one")
    assert not lock().acquire(1, "two", 60)["granted"]
    assert lock().acquire(2, "two", 60)["granted"]


def test_a_change_passes_the_fence_only_with_the_newest_live_token() -> None:
    lock().acquire(1, "one", 60)
    with lock().guard(1, "one"):
        pass
    lock().acquire(2, "two", 60, by_force=True)
    for token, holder in ((1, "one"), (2, "an impostor")):
        with pytest.raises(RefusedError) as error, lock().guard(token, holder):
            pass
        assert error.value.wire["code"] == "hosts/fenced"
    lock().renew(2, "two", -1)
    with pytest.raises(RefusedError, match="ran out"), lock().guard(2, "two"):
        pass


def test_a_lock_that_ran_out_is_taken_up_again_only_where_that_is_asked_for() -> None:
    lock().acquire(1, "one", -1)
    late = lock().renew(1, "one", 60)
    assert (late["granted"], late["ran_out"]) == (False, True)
    with pytest.raises(RefusedError, match="ran out"), lock().guard(1, "one"):
        pass
    assert lock().renew(1, "one", 60, again=True)["granted"]
    with lock().guard(1, "one"):
        pass
    lock().acquire(2, "two", 60, by_force=True)
    assert not lock().renew(1, "one", 60, again=True)["granted"]


@pytest.mark.parametrize("seconds", [600.0, -600.0])
def test_a_lock_holds_as_long_as_meant_though_the_host_s_clock_is_set(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """As a time service does, which an apply has just built."""
    lock().acquire(1, "one", 60)
    then = time.time
    monkeypatch.setattr(time, "time", lambda: then() + seconds)
    assert lock().head()["expires"] - lock().head()["now"] == pytest.approx(60, abs=5)
    with lock().guard(1, "one"):
        pass
    assert not lock().acquire(2, "two", 60)["granted"]
    assert lock().renew(1, "one", -1)["granted"]
    assert lock().acquire(2, "two", 60)["granted"]


def test_after_a_boot_a_lock_s_time_runs_by_the_host_s_clock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock().acquire(1, "one", 60)
    (tmp_path / "boot").write_text("another one\n")
    monkeypatch.setattr("opsctl_host.lock.BOOT", str(tmp_path / "boot"))
    assert not lock().acquire(2, "two", 60)["granted"]
    then = time.time
    monkeypatch.setattr(time, "time", lambda: then() + 61)
    assert lock().acquire(2, "two", 60)["granted"]


def test_a_host_that_was_away_when_the_lock_was_taken_takes_it_with_the_next_renewal() -> None:
    lock().acquire(1, "one", -1)
    assert lock().renew(2, "two", 60)["granted"]


def test_a_new_holder_waits_for_the_old_one_s_change_to_end() -> None:
    lock().acquire(1, "one", 1.0)
    order: list[str] = []
    inside = threading.Event()

    def change() -> None:
        with lock().guard(1, "one"):
            inside.set()
            time.sleep(2.0)  # its lock ends meanwhile
            order.append("changed")

    worker = threading.Thread(target=change)
    worker.start()
    assert inside.wait(5)
    deadline = time.monotonic() + 10
    while not lock().acquire(2, "two", 60)["granted"]:  # until the first one's time is over
        assert time.monotonic() < deadline
        time.sleep(0.05)
    order.append("taken")
    worker.join()
    assert order == ["changed", "taken"]


def test_a_change_that_outlives_its_holder_s_time_is_that_one_s_turn_until_it_ends() -> None:
    lock().acquire(1, "one", 60)
    with lock().guard(1, "one"):
        lock().renew(1, "one", -1)
        head = lock().head()
        assert (head["holder"], head["expires"] > head["now"]) == ("one", True)
    head = lock().head()
    assert head["expires"] < head["now"]


def test_a_lock_that_is_taken_away_is_gone_though_a_change_goes_on_which_the_next_one_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host_lock, "PATIENCE", 0.1)
    lock().acquire(1, "one", 60)
    with lock().guard(1, "one"):
        assert lock().acquire(2, "somebody", 30, by_force=True)["granted"]
        lock().release(2, "somebody")
        with pytest.raises(RefusedError) as fenced, lock().guard(1, "one"):
            pass
        assert fenced.value.wire["code"] == "hosts/fenced"
        with pytest.raises(RefusedError) as busy:
            lock().acquire(3, "two", 60)
        assert busy.value.wire["code"] == "hosts/busy"
    assert lock().acquire(3, "two", 60)["granted"]


def test_a_fenced_batch_changes_nothing(root: Path) -> None:
    lock().acquire(2, "new", 60)
    stale = request(text_file("/etc/x", "a"), fence={"token": 1, "holder": "old"})
    answer = converge.converge(stale)
    assert answer["error"]["code"] == "hosts/fenced"
    assert not (root / "etc/x").exists()


def test_the_journal_is_bounded_and_survives_a_line_cut_short(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "ROTATE", 2000)
    for number in range(100):
        journal.append("shop", [{"kind": "begin", "run": number}], {str(number): {"n": number}})
    path = root / "var/lib/opsctl/shop/journal.jsonl"
    with path.open("a") as half:
        half.write('{"kind": "st')
    assert path.stat().st_size < 4000
    assert journal.read("shop", 3)[-1]["run"] == 99
    assert journal.head("shop")["revision"] == 99
    assert journal.revisions("shop") == list(range(50, 100))
    assert journal.documents("shop", 2) == {"98": {"n": 98}, "99": {"n": 99}}


def test_a_record_after_a_line_that_was_cut_short_is_not_lost_with_it(root: Path) -> None:
    journal.append("shop", [{"kind": "begin", "run": 1}], {})
    with (root / "var/lib/opsctl/shop/journal.jsonl").open("a") as half:
        half.write('{"kind": "st')
    journal.append("shop", [{"kind": "begin", "run": 2}], {})
    journal.append("shop", [{"kind": "end", "run": 2}], {})
    assert [one["run"] for one in journal.read("shop", 9)] == [1, 2, 2]


def test_the_journal_s_head_goes_back_to_the_newest_apply_of_everything(root: Path) -> None:
    def begun(run: str, reach: str | None) -> dict[str, Any]:
        return {"run": run, "kind": "begin", **({"reach": reach} if reach else {})}

    def head() -> list[str]:
        return [record["run"] for record in journal.head("shop")["records"]]

    end = {"run": "scale", "kind": "end"}
    journal.append("shop", [begun("first", "all"), begun("broken", "all")], {})
    journal.append("shop", [begun("part", "part"), begun("take", "none")], {})
    journal.append("shop", [begun("scale", "named"), begun("restart", "none"), end], {})
    journal.append("shop", [begun("newest", "none")], {})
    assert head() == ["broken", "scale", "scale", "newest"]
    journal.append("shop", [begun("of an older opsctl", None)], {})
    assert head() == ["of an older opsctl"]


def test_what_a_process_started_with_is_compared_and_not_the_files_of_now(root: Path) -> None:
    folder = root / "run/opsctl/started"
    folder.mkdir(parents=True)
    digest = fingerprint.digest(b"old").hex()
    (folder / "u.service").write_text(f"unit abc\n{digest}  /etc/x\npackage toy 2.1-1\n")
    spec = {"files": {"/etc/x": True}, "packages": ["toy"]}
    parts = {
        "unit text": "abc",
        "/etc/x": fingerprint.of_content(bytes.fromhex(KEY), b"old"),
        "toy": "2.1-1",
    }
    assert record.loaded(host(), "u.service", spec) == fingerprint.of_parts(parts)
    assert record.loaded(host(key=None), "u.service", spec) is None
    assert record.loaded(host(), "other.service", spec) == record.UNKNOWN


def test_what_a_reload_took_in_is_noted_beside_what_it_started_with(root: Path) -> None:
    folder = root / "run/opsctl/taken"
    folder.mkdir(parents=True)
    (folder / "u.service").write_text(f"{fingerprint.digest(b'old').hex()}  /etc/y\n")
    parts = {"/etc/y": fingerprint.of_content(b"", b"old")}
    assert record.taken(host(), "u.service", {"reloads": {"/etc/y": False}}) == (
        fingerprint.of_parts(parts)
    )
    record.forget("u.service")
    assert record.taken(host(), "u.service", {}) == record.UNKNOWN


class Systemd:
    """Units that run, and what they noted. It stands for systemctl alone; a lab has the real one"""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **facts: str) -> None:
        self.facts = {"LoadState": "loaded", "ActiveState": "active", "NRestarts": "0", **facts}
        self.did: list[str] = []
        self.refuses = ""
        self.read = False  # what was said, by journald
        for module in (process, unit, sys.modules["opsctl_host.host"]):
            monkeypatch.setattr(module, "run", self.run)
        monkeypatch.setattr(process, "SETTLE", 0)
        monkeypatch.setattr(record, "loaded", lambda *about: self.notes["loaded"])
        monkeypatch.setattr(record, "taken", lambda *about: self.notes["taken"])
        self.notes = {"loaded": "old", "taken": "old"}

    def run(self, argv: list[str], **more: Any) -> Result:
        verb = argv[1]
        if argv[0] == "journalctl":
            self.read |= verb == "--sync"
            return Result(0, "its last words\n" if self.read else "", "")
        if verb == "show":
            block = "\n".join(f"{name}={value}" for name, value in self.facts.items())
            return Result(0, "\n\n".join([block] * (len(argv) - 5)), "")
        self.did.append(verb)
        if verb == self.refuses:
            return Result(1, "", "Job failed")
        if verb == "daemon-reload":
            self.facts["NeedDaemonReload"] = "no"
        if verb in ("restart", "reload"):
            self.notes = {"loaded": self.notes["loaded"], "taken": "new"}
        if verb == "restart":
            self.notes["loaded"] = "new"
        return Result(0, "", "")


def desired_unit(loaded: str, taken: str) -> dict[str, Any]:
    desired = {"enabled": "yes", "running": "yes", "current": "yes"}
    return item("unit", "u.service", {**desired, "loaded": loaded, "taken": taken})


@pytest.mark.parametrize(
    ("loaded", "taken", "did"),
    [
        ("old", "new", ["reload"]),
        ("new", "old", ["reset-failed", "restart"]),
        ("new", "new", ["reset-failed", "restart"]),
        ("old", "old", []),
    ],
)
def test_a_unit_is_reloaded_only_where_no_restart_is_due(
    monkeypatch: pytest.MonkeyPatch, loaded: str, taken: str, did: list[str]
) -> None:
    systemd = Systemd(monkeypatch)
    unit.change(host(), [desired_unit(loaded, taken)])
    assert systemd.did == did


def test_a_refused_reload_tells_that_the_old_configuration_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    systemd = Systemd(monkeypatch)
    systemd.refuses = "reload"
    with pytest.raises(RefusedError, match="old configuration keeps serving") as error:
        unit.change(host(), [desired_unit("old", "new")])
    assert error.value.wire["code"] == "hosts/reload-failed"
    assert error.value.wire["details"] == ["its last words"]


def test_a_restart_that_was_asked_for_is_not_replaced_by_a_reload_that_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    systemd = Systemd(monkeypatch)
    wanted = desired_unit("old", "new")
    answer = converge.converge({**request(wanted), "restart": [wanted["key"]]})
    assert answer == {"changed": [wanted["key"]], "error": None}
    assert systemd.did == ["reset-failed", "restart"]


def test_a_changed_drop_in_is_told_to_systemd_and_restarts_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd = Systemd(monkeypatch, NeedDaemonReload="yes")
    path = "/etc/systemd/system/opsctl-shop-a-b@a-0.service.d/limits.conf"
    limits = text_file(path, "[Service]\n")
    assert converge.converge(request(limits))["error"] is None
    assert systemd.did == ["daemon-reload"]
    assert converge.converge(request(remove=[limits]))["error"] is None
    assert [one.name for one in (root / "etc/systemd/system").iterdir()] == []


def test_a_drop_in_that_systemd_has_not_read_is_seen_and_is_no_restart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    systemd = Systemd(monkeypatch, NeedDaemonReload="yes")
    wanted = desired_unit("old", "old")
    attributes = unit.observe(host(), wanted).attributes
    assert attributes is not None
    assert {name for name, value in wanted["desired"].items() if attributes[name] != value} == {
        "current",
        "enabled",
    }
    unit.change(host(), [wanted])
    assert systemd.did == ["daemon-reload"]


def test_memory_that_a_process_holds_is_not_taken_from_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Systemd(monkeypatch, ControlGroup="/system.slice/u.service")
    group = root / "sys/fs/cgroup/system.slice/u.service"
    group.mkdir(parents=True)
    (group / "memory.stat").write_text(f"anon {90 << 20}\nfile {900 << 20}\nshmem {9 << 20}\n")

    def bound(mebibytes: int) -> str:
        text = f"[Service]\nMemoryMax={mebibytes << 20}\n"
        limits = text_file("/etc/systemd/system/u.service.d/limits.conf", text)
        limits["spec"]["bounds"] = "u.service"
        error = converge.converge(request(limits))["error"]
        return str(error and error["code"])

    assert [bound(size) for size in (100, 98, 99)] == ["None", "hosts/memory-in-use", "None"]
    written = (root / "etc/systemd/system/u.service.d/limits.conf").read_text()
    assert f"MemoryMax={99 << 20}" in written
    (group / "memory.stat").unlink()  # nobody counts, as in a lab
    assert bound(1) == "None"


def checked(content: str, *argv: str) -> dict[str, Any]:
    wanted = text_file("/etc/x.conf", content)
    wanted["spec"]["check"] = {"argv": list(argv), "user": ""}
    return wanted


def test_content_that_its_check_refuses_is_not_put_in_place(root: Path) -> None:
    check = ("/bin/sh", "-c", 'cat "$0"; echo "line 1 of $0"; grep -q good "$0"', "{file}")
    assert converge.converge(request(checked("good", *check)))["error"] is None
    bad = checked("bad S3CRET\n", *check)
    bad["spec"]["hidden"] = {"a/b": "S3CRET"}
    error = converge.converge(request(bad))["error"]
    assert error["code"] == "hosts/file-refused"
    assert error["details"] == ["bad ‹secret a/b›", "line 1 of /etc/x.conf"]
    assert (root / "etc/x.conf").read_text() == "good"
    assert [one.name for one in (root / "etc").iterdir()] == ["x.conf"]


def test_new_content_waits_with_its_final_mode_and_the_file_s_own_ending(root: Path) -> None:
    check = ("/bin/sh", "-c", 'stat -c %a "$0"; echo "${0##*.}"; exit 1', "{file}")
    seen = converge.converge(request(checked("a", *check)))["error"]["details"]
    assert seen == ["640", "conf"]
    missing = converge.converge(request(checked("a", "/no/such", "{file}")))["error"]
    assert "/no/such" in missing["details"][0]
    assert not (root / "etc/x.conf").exists()


def test_a_listening_port_is_seen_with_its_process() -> None:
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        inodes = sockets.listening()[server.getsockname()[1]]
        assert sockets.holder(inodes)[0] == os.getpid()
        assert set(inodes.values()) == {"127.0.0.1"}


def test_a_socket_on_another_address_than_the_host_s_own_is_not_in_the_way() -> None:
    known = {"0B004D0A": "10.77.0.11", "00000000": "0.0.0.0", "0" * 32: "::",
             "0000000000000000FFFF00000B004D0A": "10.77.0.11"}  # fmt: skip
    assert {sockets.address_of(shown) == address for shown, address in known.items()} == {True}
    own = "10.77.0.11"
    for address in (own, "0.0.0.0", "::", "127.0.0.1", "::1"):
        assert sockets.in_the_way(address, own)
    assert not sockets.in_the_way("10.77.0.100", own)
    assert sockets.in_the_way("10.77.0.100", "")


def test_a_program_is_bounded_in_time_and_its_absence_is_an_answer() -> None:
    assert run(["/bin/cat"], "hello").out == "hello"
    assert run(["/bin/sleep", "9"], timeout=0.1).exit == -1
    assert run(["/no/such"]).exit == -1
    assert run(["/bin/true"], user="no-such-user").exit == -1


CHAIN = {"family": "inet", "table": "f", "name": "in", "hook": "input", "policy": "drop"}
DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}
OPEN = {"match": {"left": DPORT, "right": {"set": [22, {"range": [7000, 7001]}]}}}
RULES = {"nftables": [{"chain": CHAIN}, {"rule": {"expr": [OPEN, {"accept": None}]}}]}


def test_a_policy_that_drops_is_told_for_ports_that_no_rule_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Answer:
        exit, out = 0, json.dumps(RULES)

    monkeypatch.setattr(firewall, "run", lambda *argv, **more: Answer())
    assert firewall.blocked([22, 7001, 7002]) == [7002]


def test_a_rendered_batch_is_filled_with_its_secrets() -> None:
    wanted = text_file("/etc/x", "")
    wanted["spec"]["content"] = ["pass ", {"secret": "a/b"}, "\n"]
    batch = filling.filled(request(wanted), {"key": "aa", "secrets": {"a/b": "S"}})
    assert batch["write"][0]["spec"]["content"] == "pass S\n"
    assert batch["write"][0]["spec"]["hidden"] == {"a/b": "S"}  # a check's words are cleared of it
    assert batch["key"] == "aa"
    wanted["spec"]["content"] = [{"secret": "none"}]
    with pytest.raises(RefusedError, match="none"):
        filling.filled(request(wanted), {})


def test_the_bundle_runs_from_standard_input_alone() -> None:
    from opsctl.targets.hosts.bundle import COMMAND

    request = json.dumps({"environment": ENV, "deadline": 5, "seats": True}).encode()
    left = b"what sudo left of a password line\n"
    done = subprocess.run(
        ["sh", "-c", COMMAND.replace("/usr/bin/python3", sys.executable)],
        input=left + bundle().program + request, capture_output=True, timeout=20, check=True,
    )  # fmt: skip
    answer = json.loads(done.stdout)
    assert answer["facts"]["system"]
    assert "seats" in answer or answer["error"]["code"] == "hosts/no-root"


def test_the_bundle_without_a_request_ends_without_a_word() -> None:
    from opsctl.targets.hosts.bundle import COMMAND

    done = subprocess.run(
        ["sh", "-c", COMMAND.replace("/usr/bin/python3", sys.executable)],
        input=bundle().program, capture_output=True, timeout=20, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (b"", b"")


def test_the_bundle_does_not_wait_for_ever_for_the_request_of_a_caller_that_is_gone() -> None:
    from opsctl.targets.hosts.bundle import COMMAND

    loader = zlib.decompress(bundle().loader).replace(b"WAIT = 600", b"WAIT = 1")
    hasty = replace(bundle(), loader=zlib.compress(loader))
    argv = ["sh", "-c", COMMAND.replace("/usr/bin/python3", sys.executable)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as begun:
        assert begun.stdin
        begun.stdin.write(hasty.program)
        begun.stdin.flush()  # and nothing more, nor its end
        assert begun.wait(timeout=20) != 0
