"""Running programs, waiting for conditions, taking file locks: all bounded, all named."""

from __future__ import annotations

import fcntl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from opsctl.errors import Exit, OpsError

POLL = 0.02  # seconds between two looks at a condition


def run(
    argv: Sequence[str],
    *,
    what: str,
    timeout: float = 30,
    text: str | None = None,
    check: bool = True,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program with `text` on standard input; `timeout` is in seconds.

    Raises lab/timeout, or lab/command when it fails and `check` is set.
    """
    try:
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=timeout, check=False, cwd=cwd
        )
    except subprocess.TimeoutExpired as error:
        raise OpsError("lab/timeout", f"{what} took longer than {timeout:g} s") from error
    if check and done.returncode:
        lines = tuple((done.stderr or done.stdout).strip().splitlines()[-15:])
        message = f"{what} failed: {argv[0]} ended with {done.returncode}"
        raise OpsError("lab/command", message, details=lines)
    return done


def until(ready: Callable[[], bool], *, what: str, timeout: float, pause: float = POLL) -> None:
    """Wait until `ready()` is true; raises lab/timeout with `what` after `timeout` seconds.

    `pause` is in seconds, for a look that costs more than most.
    """
    end = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > end:
            raise OpsError("lab/timeout", f"waited {timeout:g} s for {what}")
        time.sleep(pause)


@contextmanager
def locked(path: Path, *, what: str, timeout: float) -> Iterator[int]:
    """Hold an exclusive lock on a file, which is made if missing; gives its descriptor.

    The kernel drops the lock when its holder dies. Raises lab/locked after `timeout` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        end = time.monotonic() + timeout
        while not _take(file.fileno()):
            if time.monotonic() > end:
                message = f"{what} is held by another process for more than {timeout:g} s"
                raise OpsError("lab/locked", message, where=str(path), exit=Exit.LOCKED)
            time.sleep(POLL)
        yield file.fileno()


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
