"""A client session: on the primary, with its password in no argument, through a tunnel."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_world import World, make_world
from running_world import workload as plain_workload

from opsctl.cli.connect import console
from opsctl.errors import Exit
from opsctl.workload import Endpoint, Package, Seat, SecretRef, Software, Workload

CLIENT = """#!/bin/sh
echo "args: $*"
echo "password: $CLIENT_PASSWORD"
"""


def workload(members: int) -> Workload:
    """With a console for two users, and a package that holds it."""
    made = plain_workload(members)
    software = Software(
        {"debian-13": (Package("d-server", own_units=("d.service",)), Package("d-tools"))}
    )
    group = made.groups[0]
    mine = tuple(
        replace(
            one,
            seat=replace(one.seat, ports={"client": 1}),
            components=(replace(one.components[0], software=software),),
        )
        for one in group.members
    )
    endpoints = tuple(
        Endpoint(
            one.name, "server", "client", user, SecretRef(f"demo/{user}"), "demo",
            ("the-client", "-u", user, "-h", "{host}", "-p", "{port}"), "CLIENT_PASSWORD",
        )
        for one in mine
        for user in ("admin", "web")
    )  # fmt: skip
    return replace(made, groups=(replace(group, members=mine),), endpoints=endpoints)


@pytest.fixture(name="world")
def a_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = make_world(tmp_path, monkeypatch)
    monkeypatch.setattr("cli_world.workload", workload)
    world.target.content = {0: "new", 1: "new", 2: "new"}
    world.target.primary = 2

    @contextmanager
    def tunnel(seat: Seat, port: int) -> Iterator[int]:
        yield 4711

    monkeypatch.setattr(world.target, "tunnel", tunnel)

    def refused(*_: Any, **__: Any) -> None:
        raise OSError

    monkeypatch.setattr(socket, "create_connection", refused)
    return world


@pytest.fixture(name="client")
def a_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "the-client"
    program.write_text(CLIENT)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("client")
def test_the_session_is_with_the_primary_and_through_a_tunnel_when_it_must(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    assert world.call("connect", "demo") == Exit.DONE
    out, err = capfd.readouterr()
    assert out == "args: -u admin -h 127.0.0.1 -p 4711\npassword: v\n"
    assert "demo-2 through a tunnel" in err
    assert "CLIENT_PASSWORD" not in os.environ


@pytest.mark.usefixtures("client")
def test_another_user_another_member_and_words_for_the_client(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    assert world.call("connect", "demo/demo-1", "--as", "web", "--", "PING", "-x") == Exit.DONE
    assert "args: -u web -h 127.0.0.1 -p 4711 PING -x\n" in capfd.readouterr().out


def test_a_missing_client_comes_with_the_command_that_installs_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("connect", "demo") == Exit.REFUSED
    err = capsys.readouterr().err
    assert "error[connect/no-client]" in err
    assert "hint: apt-get install d-tools\n" in err


@pytest.mark.usefixtures("client")
def test_without_a_primary_the_members_are_named_instead(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.target.primary = 9
    assert world.call("connect", "demo") == Exit.REFUSED
    assert "demo/demo-0, demo/demo-1, demo/demo-2" in capsys.readouterr().err


@pytest.mark.usefixtures("client")
def test_a_user_that_is_not_there_is_told_the_nearest(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("connect", "demo", "--as", "wep") == Exit.INPUT
    assert 'did you mean "web"?' in capsys.readouterr().err


def test_a_console_without_places_for_the_address_stays_as_it_is() -> None:
    assert console(("a", "b"), "h", 1) == ["a", "b"]
