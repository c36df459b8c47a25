"""Reaching real hosts: who is away, who is refused, questions, tunnels, logs."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hosts_lab import TTL, apply, built, emptied
from small_service import (
    SECRET,
    Keys,
    different,
    target,
)

from conftest import MakeLab
from opsctl.lab import Lab
from opsctl.ports import Asked
from opsctl.targets.hosts import Host
from opsctl.workload import Answer, FileRef, Query, Seat, Text

pytestmark = pytest.mark.lab


@pytest.fixture(name="lab", scope="module")
def a_lab(make_lab: MakeLab) -> Lab:
    return make_lab("hosts-reach", data_mib=64)


@pytest.fixture(name="clean")
def a_clean_lab(lab: Lab) -> Iterator[Lab]:
    yield from emptied(lab)


def test_an_unreachable_host_does_not_hide_the_others(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    dc.hosts = {**dc.hosts, "ghost": Host("10.77.255.254"), "nobody": Host("no.such.name")}
    seen = dc.observe((), ())
    assert set(seen.nodes) == {"dc/n1", "dc/n2", "dc/n3"}
    assert {error.code for error in seen.unreachable.values()} == {"hosts/unreachable"}
    assert "dc/ghost" in str(seen.unreachable["dc/ghost"].where)


def test_a_host_that_loses_power_while_its_connection_is_kept_is_told_soon(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    dc.observe((), ())
    clean.faults.kill("n3", for_=300)
    try:
        began = time.monotonic()
        seen = dc.observe((), ())
        assert set(seen.unreachable) == {"dc/n3"}
        assert time.monotonic() - began < 60
    finally:
        clean.faults.start("n3")
    assert dc.observe((), ()).unreachable == {}


@pytest.mark.parametrize(
    ("user", "code"), [("nobody-here", "hosts/key-refused"), ("nosudo", "hosts/no-sudo")]
)
def test_a_refused_key_and_a_missing_right_are_told_apart(
    clean: Lab, tmp_path: Path, user: str, code: str
) -> None:
    seen = target(clean, tmp_path, user=user).observe((), ())
    assert {error.code for error in seen.unreachable.values()} == {code}


def test_an_unknown_and_a_changed_host_key_are_refused(clean: Lab, tmp_path: Path) -> None:
    made = f"ssh-keygen -qt ed25519 -N '' -f {tmp_path}/k && cut -d' ' -f1,2 {tmp_path}/k.pub"
    key = subprocess.run(["sh", "-c", made], capture_output=True, text=True, check=True).stdout
    changed = "".join(f"{host.address} {key}" for host in clean.hosts)
    known = tmp_path / "known"
    dc = target(clean, tmp_path)
    # Without a kept connection, which would not look at the key again.
    dc.ssh = replace(dc.ssh, known_hosts=known, options=("ControlPath=none",))
    for words, lines in (("is not in known_hosts", ""), ("is not the one", changed)):
        known.write_text(lines)
        seen = dc.observe((), ())
        assert {error.code for error in seen.unreachable.values()} == {"hosts/host-key"}
        assert words in seen.unreachable["dc/n1"].message


def test_sudo_with_a_password_builds_as_root_does(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path, user=Lab.sudo_user)
    work, resources = built(dc, 1)
    outcomes = apply(dc, resources, dc.acquire("a test", TTL))
    assert outcomes["dc/n1"].error is None
    assert different(dc, resources, work) == []


def test_a_wrong_sudo_password_is_said_so(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path, user=Lab.sudo_user)
    dc.secrets = Keys("wrong")
    seen = dc.observe((), ())
    assert {error.code for error in seen.unreachable.values()} == {"hosts/no-sudo"}


def test_a_question_carries_what_it_reads_on_the_host_and_bounds_its_time(
    clean: Lab, tmp_path: Path
) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    apply(dc, resources, dc.acquire("a test", TTL))
    seat: Seat = next(work.members()).seat

    def as_is(answer: Answer) -> Answer:
        return answer

    echo = Query(("/bin/cat",), as_is, Text((FileRef(f"{seat.config_dir}/users.conf"), "!")))
    who = Query(("/usr/bin/id", "-un"), as_is)
    slow = Query(("/bin/sleep", "30"), as_is, timeout=0.3)
    none = Query(("/no/such",), as_is)
    asked = [Asked(seat, "cache", query) for query in (echo, who, slow, none)]
    said = dc.ask(asked)["small-0", "cache"]
    assert said[0].stdout == f"admin {SECRET}!"
    assert said[1].stdout.strip() == "memcache"
    assert said[2].exit == -1
    assert "0.3 s" in said[2].stderr
    assert said[3].exit == -1
    with pytest.raises(ValueError, match="fence"):
        dc.ask([Asked(seat, "cache", who, mutating=True)])


def test_a_tunnel_leads_to_the_member_and_ends_with_its_block(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    apply(dc, resources, dc.acquire("a test", TTL))
    seat = next(work.members()).seat
    with (
        dc.tunnel(seat, seat.ports["cache"]) as port,
        socket.create_connection(("127.0.0.1", port), 5) as line,
    ):
        line.sendall(b"version\r\n")
        assert line.recv(100).startswith(b"VERSION")
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1)


def test_logs_are_those_of_the_member(clean: Lab, tmp_path: Path) -> None:
    dc = target(clean, tmp_path)
    work, resources = built(dc, 1)
    apply(dc, resources, dc.acquire("a test", TTL))
    argv = dc.logs(next(work.members()).seat, "cache", 20, follow=False)
    said = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True)
    assert "Started" in said.stdout
