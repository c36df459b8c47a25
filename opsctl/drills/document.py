"""What a drill's client said on its standard output, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opsctl.drills.client.core import Attempt
from opsctl.errors import OpsError

VERSION = 1
_OUTCOMES = ("served", "never-served", "unsteady")


@dataclass(frozen=True, slots=True)
class Document:
    """One client's run. Times are in seconds since it began; `wall` is the epoch then, as the
    client's machine has it."""

    run: str
    outcome: Literal["served", "never-served", "unsteady"]
    mode: Literal["write", "read"]
    machine: str
    wall: float
    ready: float | None
    ended: float
    writers: int
    period: float
    timeout: float
    gap_floor: float
    attempts: tuple[Attempt, ...]
    stalls: tuple[tuple[float, float], ...] = ()  # (began, seconds): the machine itself stood still
    read_back: tuple[tuple[int, ...], ...] | None = None  # by writer, in the server's order
    read_back_at: float | None = None
    read_back_problem: str = ""
    cleaned: bool = True

    def clock(self, at: float) -> float:
        """The epoch at `at` seconds of the run, by the client's machine."""
        return self.wall + at


def read_ready(line: str) -> float:
    """The epoch when the service had served steadily, from the client's first line.

    Raises drills/not-ready when the client ended instead: the drill has no result.
    """
    said = _parsed(line)
    if "ready" in said:
        return float(said["ready"]["wall"])
    reason = "it ended before that"
    if "document" in said:
        reason = _document(said["document"]).outcome.replace("-", " ")
    raise OpsError(
        "drills/not-ready",
        f"the client was not served steadily before the fault: {reason}",
        hint="nothing was broken. opsctl status shows what is wrong already",
    )


def read_document(output: str) -> Document:
    """The client's record, from all that it printed. Raises drills/no-document."""
    lines = [line for line in output.splitlines() if line.startswith('{"document":')]
    if not lines:
        raise OpsError(
            "drills/no-document",
            "the client ended without its record",
            details=tuple(output.splitlines()[-5:]),
        )
    return _document(_parsed(lines[-1])["document"])


def _parsed(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise OpsError("drills/no-document", f"the client said: {line.strip()[:200] or 'nothing'}")
    return said


def _document(raw: Mapping[str, Any]) -> Document:
    if raw.get("version") != VERSION or raw.get("outcome") not in _OUTCOMES:
        raise OpsError(
            "drills/no-document", f"a client of version {raw.get('version')} made the record"
        )
    try:
        rows: Sequence[Sequence[Any]] = raw["attempts"]
        back = raw.get("read_back")
        known = {name: raw[name] for name in Document.__slots__ if name in raw}
        return Document(**known | {
            "attempts": tuple(Attempt(*row) for row in rows),
            "stalls": tuple((began, length) for began, length in raw["stalls"]),
            "read_back": None if back is None else tuple(tuple(one) for one in back),
        })  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise OpsError("drills/no-document", f"the client's record lacks {error}") from None
