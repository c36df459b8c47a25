"""`opsctl logs`: what members say."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Annotated

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.completing import members as complete_members
from opsctl.cli.session import Session
from opsctl.errors import Exit, OpsError
from opsctl.flow.parts import Parts, unknown
from opsctl.flow.watching import Door, doors

app = new_app()


@command(app, "spec")
def logs(
    session: Session,
    name: Annotated[
        str, typer.Argument(metavar="SERVICE[/MEMBER]", autocompletion=complete_members)
    ],
    component: Annotated[
        str, typer.Option(help="One process of the member; left out: the server itself.")
    ] = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many, newest.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as more come in.")] = False,
) -> Exit:
    """The log of a member, or of all members of a service with the member's name before a line."""
    parts = session.parts()
    seen, found = doors(parts, name)
    calls = {
        door.seat.member: _call(
            parts, seen.present[door.workload.service][0], door, component, lines, follow
        )
        for door in found
    }
    try:
        if len(calls) == 1:
            (call,) = calls.values()
            return _ended(subprocess.run(call, check=False).returncode, call)
        return _side_by_side(session, calls, follow)
    except KeyboardInterrupt:
        if not follow:
            raise
        return Exit.INTERRUPTED  # that is how following ends, and no failure


def _call(
    parts: Parts, target: str, door: Door, component: str, lines: int, follow: bool
) -> Sequence[str]:
    """The command that prints one member's log. Raises OpsError when its program is missing."""
    names = [part.name for part in door.workload.member(door.seat.member).components]
    if component and component not in names:
        raise unknown("component", component, tuple(names))
    wanted = component or (door.endpoint.component if door.endpoint else names[0])
    call = parts.targets[target].logs(door.seat, wanted, lines, follow)
    if shutil.which(call[0]) is None:
        raise OpsError(
            "logs/no-program",
            f"{call[0]} is not on this machine",
            hint=f"apt-get install {call[0]}",
        )
    return call


def _side_by_side(session: Session, calls: dict[str, Sequence[str]], follow: bool) -> Exit:
    """Each member's lines with its name before them: one after the other, or mixed as they come."""
    width = max(len(member) for member in calls)
    ends: list[Exit] = []
    whole = threading.Lock()  # a line is written as a whole
    running: list[subprocess.Popen[str]] = []

    def one(member: str) -> None:
        with subprocess.Popen(
            calls[member], stdout=subprocess.PIPE, text=True, errors="replace"
        ) as process:
            running.append(process)
            assert process.stdout is not None
            for text in process.stdout:
                with whole:
                    session.screen.text(f"{member.ljust(width)} | {text}")
        ends.append(_ended(process.returncode, calls[member]))

    threads = [threading.Thread(target=one, args=(member,), daemon=True) for member in calls]
    try:
        for thread in threads:
            thread.start()
            if not follow:
                thread.join()
        for thread in threads:
            thread.join()
    finally:
        for process in running:
            process.terminate()  # one that has nothing to say would not notice that we are gone
    return max(ends, default=Exit.DONE)


def _ended(code: int, call: Sequence[str]) -> Exit:
    """Programs that print a log end with 0; ssh, and our own session in a cluster, say 255 when
    they could not reach the host or the pod."""
    if code == 0 or code < 0:
        return Exit.DONE
    return Exit.UNOBSERVED if code == 255 and call[0] in ("ssh", sys.executable) else Exit.FAILED
