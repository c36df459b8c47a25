"""`opsctl connect`: the console client of a member, with its password in no argument."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.completing import members as complete_members
from opsctl.cli.session import Session
from opsctl.errors import Exit, OpsError
from opsctl.flow.parts import Parts, unknown
from opsctl.flow.watching import Door, doors
from opsctl.ports import Target
from opsctl.workload import Endpoint, Workload

app = new_app()
_TRY = 1.0  # seconds for a direct connection, before a tunnel is made


@command(app, "spec")
def connect(
    session: Session,
    name: Annotated[
        str, typer.Argument(metavar="SERVICE[/MEMBER]", autocompletion=complete_members)
    ],
    as_user: Annotated[
        str, typer.Option("--as", metavar="USER", help="Left out: the administrator.")
    ] = "",
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="For the client itself.")
    ] = None,
) -> Exit:
    """Open a client session on the primary, or on the member that is named.

    Through a tunnel when the member can't be reached from here. The password is handed over in the
    client's own environment and shown nowhere.
    """
    parts = session.parts()
    seen, found = doors(parts, name)
    door = _choose(found, named="/" in name)
    endpoint = _endpoint(door.workload, door.seat.member, as_user)
    program = _program(door.workload, endpoint)
    target = parts.targets[seen.present[door.workload.service][0]]
    port = door.seat.ports[endpoint.port]
    environment = {**os.environ, **_password(parts, endpoint)}
    with _way(session, target, door, port) as (host, reached):
        call = [program, *console(endpoint.console[1:], host, reached), *(words or ())]
        return _run(call, environment)


def console(words: Sequence[str], host: str, port: int) -> list[str]:
    """The console's words with the address in the places that are kept for it."""
    return [word.replace("{host}", host).replace("{port}", str(port)) for word in words]


def _choose(found: Sequence[Door], *, named: bool) -> Door:
    """The primary where no member was named. Raises OpsError `connect/no-primary`."""
    first = found[0]
    if named or (first.standing is not None and first.standing.role == "primary"):
        return first
    members = ", ".join(f"{door.workload.service}/{door.seat.member}" for door in found)
    raise OpsError(
        "connect/no-primary",
        "no member says that it is the primary",
        where=first.workload.service,
        hint=f"see `opsctl status`, or name a member: {members}",
        exit=Exit.REFUSED,
    )


def _endpoint(workload: Workload, member: str, user: str) -> Endpoint:
    mine = [item for item in workload.endpoints if item.member == member and item.console]
    if not mine:
        raise OpsError(
            "connect/no-console",
            f"{workload.engine} has no client program for a person here",
            where=member,
            exit=Exit.REFUSED,
        )
    for item in mine:
        if user in ("", item.user):
            return item
    raise unknown("user", user, tuple(dict.fromkeys(item.user for item in mine)))


def _program(workload: Workload, endpoint: Endpoint) -> str:
    """The client's path. Raises OpsError `connect/no-client` with the package that holds it."""
    name = endpoint.console[0]
    path = shutil.which(name)
    if path is not None:
        return path
    part = workload.member(endpoint.member).component(endpoint.component)
    packages = next(iter(part.software.packages.values()), ())
    # A package that starts a server of its own is not for this machine.
    quiet = [package.name for package in packages if not package.own_units]
    hint = f"apt-get install {' '.join(quiet)}" if quiet else f"install the program {name}"
    raise OpsError(
        "connect/no-client", f"{name} is not on this machine", hint=hint, exit=Exit.REFUSED
    )


def _password(parts: Parts, endpoint: Endpoint) -> dict[str, str]:
    """The variable that hands the password over. Raises OpsError without the root key."""
    if not endpoint.password_variable:
        return {}
    value = parts.secrets.value(endpoint.password)
    if value is None:
        raise OpsError(
            "secrets/no-root-key",
            "the password can't be known here, for want of the root key",
            hint="hand it over in OPSCTL_ROOT_KEY, or see `opsctl secrets`",
            exit=Exit.REFUSED,
        )
    return {endpoint.password_variable: value}


@contextmanager
def _way(session: Session, target: Target, door: Door, port: int) -> Iterator[tuple[str, int]]:
    """The member's own address, or a tunnel to it."""
    address = target.address(door.seat)
    if address and _reached(address, port):
        session.screen.say(f"{door.seat.member} at {address}:{port}")
        yield address, port
        return
    session.screen.say(f"{door.seat.member} through a tunnel")
    with target.tunnel(door.seat, port) as local:
        yield "127.0.0.1", local


def _reached(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=_TRY).close()
    except OSError:
        return False
    return True


def _run(call: Sequence[str], environment: dict[str, str]) -> Exit:
    """Runs the client; Ctrl-C is its own business."""
    # A handler, not SIG_IGN: that would be inherited by the client.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        with subprocess.Popen(call, env=environment) as process:
            return Exit.DONE if process.wait() == 0 else Exit.FAILED
    finally:
        signal.signal(signal.SIGINT, before)
