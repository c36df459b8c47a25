"""Hands each host's batch to Ansible's workers from memory, and takes the outcomes.

A socket that only this user can open, in a folder that only this user can enter.
"""

from __future__ import annotations

import json
import secrets
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opsctl.targets.hosts import ssh

Took = Callable[[str, Mapping[str, Any]], None]  # host, outcome


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path, batches: Mapping[str, Mapping[str, Any]], took: Took):
        self.batches, self.took = batches, took
        super().__init__(str(path), _Line)
        path.chmod(0o600)


class _Line(socketserver.StreamRequestHandler):
    """One exchange: {"host"} gives the batch; {"host", "outcome"} is taken."""

    timeout = 30

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        if _peer(self.request) != Path("/proc/self").stat().st_uid:
            return
        message = json.loads(self.rfile.readline())
        answer: Mapping[str, Any] = {}
        if "outcome" in message:
            server.took(message["host"], message["outcome"])
        else:
            answer = server.batches[message["host"]]
        self.wfile.write(json.dumps(answer).encode() + b"\n")


@contextmanager
def serving(batches: Mapping[str, Mapping[str, Any]], took: Took) -> Iterator[Path]:
    """Serve the batches at the path that is given, until the end of the block."""
    path = ssh.sockets_folder() / f"apply-{secrets.token_hex(6)}.sock"
    server = _Server(path, batches, took)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield path
    finally:
        server.shutdown()
        server.server_close()
        path.unlink(missing_ok=True)


def _peer(line: socket.socket) -> int:
    """The user id at the other end, as the kernel knows it."""
    form = "3i"
    found = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(form))
    uid: int = struct.unpack(form, found)[1]
    return uid
