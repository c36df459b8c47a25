"""A program of this machine (ssh to another one among them), read line by line with bounds."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
from collections.abc import Sequence
from typing import IO

from opsctl.errors import OpsError


class Process:
    """See opsctl.ports.process.Running."""

    def __init__(self, argv: Sequence[str], stdin: str) -> None:
        self._name = argv[0]
        self._lines: queue.Queue[str] = queue.Queue()
        self._said: list[str] = []  # what it said on standard error
        self._for_it: queue.Queue[str] = queue.Queue()
        try:
            self._child = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C is for the caller, who stops it
            )
        except OSError as error:
            raise OpsError("process/start", f"{self._name}: {error.strerror}") from None
        for work in (self._read, self._complain):
            threading.Thread(target=work, daemon=True).start()
        threading.Thread(target=self._feed, daemon=True).start()
        self.tell(stdin)

    def line(self, timeout: float) -> str | None:
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            return None
        if not line:
            self._lines.put("")  # it stays ended
        return line

    @property
    def complaint(self) -> str:
        return "".join(self._said[-6:]).strip()

    def tell(self, text: str) -> None:
        self._for_it.put(text)

    def stop(self) -> None:
        self._for_it.put("")
        with contextlib.suppress(ProcessLookupError):
            self._child.kill()
        self._child.wait()

    def _feed(self) -> None:
        """In a thread of its own: what does not read may not stop its caller."""
        assert self._child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            while text := self._for_it.get():
                self._child.stdin.write(text)
                self._child.stdin.flush()
            self._child.stdin.close()

    def _read(self) -> None:
        for line in _lines(self._child.stdout):
            self._lines.put(line)
        self._child.wait()
        self._lines.put("")

    def _complain(self) -> None:
        for line in _lines(self._child.stderr):
            self._said.append(line)


def _lines(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
