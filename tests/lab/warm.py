"""opsctl with its imports done: each command is a fork of one process that has run none.

Two thirds of a short command's processor time are imports, and the lab tests run thousands. What
runs is the same `main` in a process of its own, with the arguments, folder, environment and files
that it is given. Who wants the process itself (its arguments, its signals) starts the real command:
`Site.start`, or a Site that is not `warm`.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

SERVER = Path(__file__).with_name("warm_server.py")
READY = 120  # seconds for the imports
_STARTING = threading.Lock()


def run(
    arguments: Sequence[str], *, env: Mapping[str, str], cwd: Path, text: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Like subprocess.run of the command, which is killed after `timeout` seconds."""
    asked = json.dumps({"arguments": list(arguments), "env": dict(env), "cwd": str(cwd)})
    with (
        tempfile.TemporaryFile("w+") as given,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line,
    ):
        given.write(text)
        given.seek(0)
        with _STARTING:
            line.connect(_server())
        socket.send_fds(line, [asked.encode()], [file.fileno() for file in (given, out, err)])
        pid = int(line.recv(32))
        line.settimeout(timeout)
        try:
            exit = int(line.recv(32))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(["opsctl", *arguments], timeout) from None
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(["opsctl", *arguments], exit, out.read(), err.read())


@cache
def _server() -> str:
    """The address of this process's server, which ends when this process does."""
    address = f"\0opsctl-warm-{os.getpid()}"
    process = subprocess.Popen([sys.executable, SERVER, address[1:]], stdin=subprocess.PIPE)
    atexit.register(process.communicate)
    deadline = time.monotonic() + READY
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as line:
        while line.connect_ex(address):
            assert process.poll() is None, "the server of commands ended"
            assert time.monotonic() < deadline, "the server of commands is not ready"
            time.sleep(0.05)
    return address
