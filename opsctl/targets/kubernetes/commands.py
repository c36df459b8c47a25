"""Command lines as a container runs them."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from opsctl.workload import Command

_ON_PATH: Final = frozenset(
    {"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"}
)


def program(argv: Sequence[str]) -> list[str]:
    """The command with its program looked up by name.

    Official images keep servers in /usr/local/bin, those built from a distribution in /usr/bin.
    """
    first = PurePosixPath(argv[0])
    found = first.name if str(first.parent) in _ON_PATH else argv[0]
    return [found, *argv[1:]]


def in_order(commands: Sequence[Sequence[str]]) -> list[str]:
    """One command that runs them one after another and stops at the first that fails."""
    if len(commands) == 1:
        return program(commands[0])
    return ["sh", "-c", _joined(commands)]


def start(command: Command) -> list[str]:
    """What comes before the server, within its time, then the server in place of the shell."""
    if not command.before_start:
        return program(command.argv)
    seconds = str(math.ceil(command.before_start_timeout))
    before = shlex.join(["timeout", seconds, *in_order(command.before_start)])
    return ["sh", "-c", f"{before} && exec {shlex.join(program(command.argv))}"]


def _joined(commands: Sequence[Sequence[str]]) -> str:
    return " && ".join(shlex.join(program(command)) for command in commands)
