"""How a server is asked: its own client, commands on standard input, the password among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from opsctl.engines.redis.flavour import Flavour
from opsctl.engines.redis.protocol import farewell, shown
from opsctl.engines.redis.users import OPS
from opsctl.workload import Answer, Call, Dial, FileRef, Query, Spoken, Text

T = TypeVar("T")
MARK = "opsctl-mark"  # PING gives it back: it parts the replies of one session


class Door:
    """One component's port on its own host, and the file with the password for it.

    With `host` another door, gone to from there with the same password.
    """

    def __init__(
        self,
        flavour: Flavour,
        member: str,
        component: str,
        port: int,
        auth_file: str,
        host: str = "",
    ) -> None:
        self.member, self.component = member, component
        self._port, self._near = port, not host
        self._argv = (flavour.cli, *(("-h", host) if host else ()), "-p", str(port))
        self._auth_file = auth_file

    def _session(self, commands: Sequence[str]) -> Text:
        login = f"AUTH {OPS} {FileRef(self._auth_file)}\n"
        return Text.parse(login + "".join(f"{command}\n" for command in commands))

    def query(self, commands: Sequence[str], parse: Callable[[Answer], T]) -> Query[T]:
        """Asks all of `commands` in one session."""
        goodbye = (*commands, farewell(self.component))
        spoken = Spoken(Dial(self._port, self._session(goodbye)), shown)
        session = self._session(commands)
        return Query(self._argv, parse, session, short=spoken if self._near else None)

    def call(
        self, words: str, commands: Sequence[str], refused: Callable[[Answer], str] | None = None
    ) -> Call:
        """Does all of `commands` in one session; each must be accepted."""
        return Call(
            words=words,
            member=self.member,
            component=self.component,
            argv=self._argv,
            refused=refused or accepted,
            stdin=self._session(commands),
        )


def replies(answer: Answer) -> tuple[str, ...]:
    """The lines after the login; ValueError with the server's words when there was none."""
    lines = answer.stdout.replace("\r", "").split("\n")
    if lines and lines[0] == "OK":
        return tuple(lines[1:])
    said = next((line for line in (*lines, *answer.stderr.splitlines()) if line.strip()), "")
    raise ValueError(said or "no answer")


# How an error begins where the client shows it without a mark; all are words of the protocol.
_ERRORS = (
    "ERR ", "NOPERM ", "NOAUTH ", "WRONGPASS ", "READONLY ", "MISCONF ", "NOREPLICAS ", "LOADING ",
    "BUSY ", "MASTERDOWN ", "OOM ", "INPROG ", "NOGOODSLAVE ", "NOGOODREPLICA ", "UNKILLABLE ",
    "EXECABORT ", "NOQUORUM ", "IOERR ", "WRONGTYPE ",
)  # fmt: skip


def accepted(answer: Answer) -> str:
    """ "" when every command of a call was accepted, else the server's words."""
    try:
        lines = replies(answer)
    except ValueError as error:
        return str(error)
    return refusal(lines)


def refusal(lines: Sequence[str]) -> str:
    """The first line that is an error, or ""."""
    return next((line for line in lines if line.startswith(_ERRORS)), "")


def parts(answer: Answer) -> list[list[str]]:
    """The replies between the marks; ValueError when the server refused."""
    found: list[list[str]] = [[]]
    for line in replies(answer):
        if line == MARK:
            found.append([])
        else:
            found[-1].append(line)
    return found


def pairs(lines: Sequence[str]) -> dict[str, str]:
    """A flat reply of names and values, one per line."""
    return dict(zip(lines[::2], lines[1::2], strict=False))


def fields(lines: Sequence[str]) -> dict[str, str]:
    """INFO's "name:value" lines."""
    return dict(line.split(":", 1) for line in lines if ":" in line and line[0] != "#")
