"""The one error type: code, where, what, hint; and the exit codes of the command."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path


class Exit(IntEnum):
    """What the process returns; docs/concepts.md lists the same table for people."""

    DONE = 0
    FAILED = 1  # failed, nothing changed
    INPUT = 2  # the input is wrong
    DIFFERS = 3  # differences exist, or unhealthy
    REFUSED = 4  # a precondition or missing consent refused it
    PARTLY = 5  # partly applied
    UNOBSERVED = 6  # part could not be observed
    LOCKED = 7  # the lock is held, try again
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Place:
    """A span of a file. Lines and columns count from 1; `length` is in characters."""

    file: Path | str
    line: int
    column: int
    length: int = 1
    text: str = ""  # the whole line, so that a caret can be drawn below it

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class OpsError(Exception):
    """Something a person can act on.

    `code` is "room/kebab-case" and stable; `where` is a Place, or words such as "host n1";
    `hint` is the next thing to do; `details` are lines shown below (a server's last log lines).
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        where: Place | str | None = None,
        hint: str = "",
        details: tuple[str, ...] = (),
        exit: Exit = Exit.FAILED,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint
        self.details = details
        self.exit = exit

    def __str__(self) -> str:
        place = f" {self.where}" if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"[{self.code}]{place}: {self.message}{hint}"


class SpecError(OpsError):
    """The input is wrong; always exit code 2."""

    def __init__(
        self, code: str, message: str, *, where: Place | str | None = None, hint: str = ""
    ) -> None:
        super().__init__(code, message, where=where, hint=hint, exit=Exit.INPUT)


# The code of an error: the machine that opsctl runs on can't do its part.
CONTROL_MACHINE = "run/control-machine"


def machine_failed(error: OSError, then: str = "say the same again") -> OpsError:
    """What the system here refused (a full disk, no right to write, too many open files); `then`:
    what to do once that is mended."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return OpsError(
        CONTROL_MACHINE,
        f"the machine that opsctl runs on failed, no target: {reason}",
        where=str(error.filename) if error.filename else "this machine",
        hint=f"mend that (`df -h`, `df -i`, `ulimit -a`), then {then}",
    )


def as_ops(error: OpsError | OSError, then: str = "say the same again") -> OpsError:
    """The error itself, or why this machine failed."""
    return error if isinstance(error, OpsError) else machine_failed(error, then)


class OpsErrors(OpsError):
    """Several errors found together; each is shown, the first decides the exit code."""

    def __init__(self, errors: tuple[OpsError, ...]) -> None:
        first = errors[0]
        super().__init__(
            first.code, first.message, where=first.where, hint=first.hint, exit=first.exit
        )
        self.errors = errors

    def __str__(self) -> str:
        return "; ".join(str(error) for error in self.errors)
