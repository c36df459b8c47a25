"""The other side of warm.py: imports all of opsctl, then forks for each command."""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from importlib import import_module
from pkgutil import walk_packages

import opsctl

REQUEST = 512 * 1024  # bytes, at most: arguments and environment


def serve(address: str) -> int:
    """Until the other end of its input is closed; in a fork: the exit code of a command."""
    for found in walk_packages(opsctl.__path__, "opsctl."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    gc.freeze()
    assert threading.active_count() == 1, "a fork would leave threads behind"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(f"\0{address}")
        door.listen(16)
        while True:
            ready, _, _ = select.select([door, sys.stdin], [], [])
            if sys.stdin in ready:
                return 0
            line, _ = door.accept()
            with line:
                if os.fork() == 0:
                    return _answer(line)


def _answer(line: socket.socket) -> int:
    """Tells the process that runs the command, and how it ended; in that process, its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    asked, files, _, _ = socket.recv_fds(line, REQUEST, 3)
    if asked:  # else somebody only looked whether anybody is there
        pid = os.fork()
        if pid == 0:
            return _command(json.loads(asked), files)
        line.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        line.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)  # it has nothing to tidy up


def _command(asked: dict[str, object], files: list[int]) -> int:
    from opsctl.cli.main import main

    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(str(asked["cwd"]))
    os.environ.clear()
    os.environ.update(dict(asked["env"]))  # type: ignore[call-overload]
    time.tzset()
    sys.argv = ["opsctl", *map(str, asked["arguments"])]  # type: ignore[call-overload]
    return main()


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1]))
