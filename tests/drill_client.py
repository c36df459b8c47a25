"""Runs the packed client as a host would: a bare interpreter, everything on standard input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opsctl.drills.document import Document, read_document, read_ready
from opsctl.drills.program import ARGV, message

# For tests without a fault: a busy machine is none either.
PATIENT: dict[str, Any] = {"timeout": 5.0, "gap_floor": 3.0, "duration": 0.3}
QUICK: dict[str, Any] = {
    "host": "127.0.0.1",
    "run": "r1",
    "period": 0.005,
    "timeout": 0.4,
    "before": 0.2,
    "steady": 0.2,
    "patience": 15.0,
    "settle": 0.3,
    "duration": 6.0,
    "read_within": 3.0,
}


@dataclass(frozen=True)
class Client:
    process: subprocess.Popen[str]

    def await_ready(self) -> float:
        assert self.process.stdout is not None
        return read_ready(self.process.stdout.readline())

    def document(self) -> Document:
        output, _ = self.process.communicate(timeout=30)
        return read_document(output)


@contextmanager
def client(port: int, **settings: Any) -> Iterator[Client]:
    argv = [sys.executable, *ARGV[1:]]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/"
    ) as process:
        assert process.stdin is not None
        process.stdin.write(message("redis", QUICK | {"port": port} | settings))
        process.stdin.flush()
        try:
            yield Client(process)
        finally:
            process.kill()


def through(port: int, strike: Callable[[], None], **settings: Any) -> Document:
    """A run in which `strike` comes as soon as the service is served steadily."""
    with client(port, **settings) as one:
        one.await_ready()
        strike()
        return one.document()
