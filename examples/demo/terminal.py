"""What the demo shows: headings, and real commands with their command lines before them."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class Stopped(Exception):
    """The demo can't go on; its words say why."""


@dataclass(frozen=True, slots=True)
class Terminal:
    """Runs opsctl in the demo's folder. `environment` is laid over this process's own."""

    program: Path
    folder: Path
    environment: Mapping[str, str]

    def heading(self, words: str) -> None:
        self.say(f"\n{_paint('1;36', words)}")

    def say(self, words: str = "") -> None:
        sys.stdout.write(f"{words}\n")
        sys.stdout.flush()

    def run(self, *words: str, timeout: float, may: Sequence[int] = (0,)) -> float:
        """Show the command, run it with its output in sight; gives how many seconds it took.

        Raises Stopped when it ends with a code that is not in `may`, or takes too long.
        """
        self.say(_paint("1", f"$ {shlex.join(['opsctl', *words])}"))
        began = time.monotonic()
        code, _ = self._call(words, timeout, capture=False)
        took = time.monotonic() - began
        if code not in may:
            raise Stopped(f"opsctl {words[0]} ended with exit code {code}")
        return took

    def give(self, text: str, *words: str, timeout: float) -> None:
        """Show the command and run it with `text`, which is not shown, as its standard input."""
        self.say(_paint("1", f"$ ... | {shlex.join(['opsctl', *words])}"))
        code, _ = self._call(words, timeout, capture=False, text=text)
        if code:
            raise Stopped(f"opsctl {words[0]} ended with exit code {code}")

    def ask(self, *words: str, timeout: float) -> tuple[int, str]:
        """Exit code and standard output of a command that is not shown, nor what it says."""
        return self._call(words, timeout, capture=True)

    def _call(
        self, words: Sequence[str], timeout: float, *, capture: bool, text: str | None = None
    ) -> tuple[int, str]:
        process = subprocess.Popen(
            [str(self.program), *words],
            cwd=self.folder,
            env={**_own_environment(), **self.environment},
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.DEVNULL if capture else None,
            text=True,
        )
        try:
            output, _ = process.communicate(text, timeout=timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise Stopped(f"opsctl {words[0]} took longer than {timeout:g} s") from None
        except KeyboardInterrupt:
            # The terminal sent Ctrl-C to opsctl as well: it stops at its next safe point.
            _end(process, signals=(signal.SIGKILL,), first=60)
            raise
        return process.returncode, output or ""


def _end(
    process: subprocess.Popen[str],
    signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGKILL),
    first: float = 0,
) -> None:
    """Wait `first` seconds for the end, then send each signal with ten seconds' patience."""
    for number in (None, *signals):
        if number is not None:
            process.send_signal(number)
        try:
            process.wait(10 if number is not None else first)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            continue
        return


def _own_environment() -> dict[str, str]:
    """This process's, less what a person set for opsctl's use elsewhere."""
    kept = ("OPSCTL_CACHE", "OPSCTL_LAB_STATE")
    return {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith("OPSCTL_")
    }


def _paint(style: str, words: str) -> str:
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR")
    return words if plain else f"\033[{style}m{words}\033[0m"
