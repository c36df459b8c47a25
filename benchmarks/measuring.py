"""Running one command of a tool: bounded, timed, with an environment that is fair to all."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Taken out for every tool: it would make Python compile its modules anew at each call, or colour
# and shape what is read here.
_UNFAIR = ("PYTHON", "ANSIBLE_", "OPSCTL_", "XDG_", "NO_COLOR", "FORCE_COLOR", "PIP_")


class Failed(Exception):
    """A tool did not do what was asked; its words tell why."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended. `seconds` is wall-clock time from start to end."""

    seconds: float
    code: int
    output: str

    def expect(self, *codes: int) -> Done:
        """Itself, when it ended with one of `codes`; else raises Failed with its last lines."""
        if self.code not in codes:
            last = " / ".join(line.strip() for line in self.output.strip().splitlines()[-6:])
            raise Failed(f"ended with {self.code}: {last[-600:]}")
        return self


def fair_environment(more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what favours or hinders a tool, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_UNFAIR)}
    return {**kept, "LC_ALL": "C.UTF-8", "COLUMNS": "200", **more}


def timed(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, timeout: float) -> Done:
    """Run a command without a terminal; raises Failed after `timeout` seconds, all of it killed."""
    began = time.perf_counter()
    process = subprocess.Popen(
        argv,
        env=fair_environment(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output = _read(process, began + timeout)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        raise
    return Done(time.perf_counter() - began, process.returncode, output)


def _read(process: subprocess.Popen[str], end: float) -> str:
    try:
        output, _ = process.communicate(timeout=max(0.1, end - time.perf_counter()))
    except subprocess.TimeoutExpired:
        raise Failed("took longer than its bound") from None
    return str(output)
