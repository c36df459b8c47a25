"""A program in a container with its streams open: for sessions that go on, and for clocks."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.channels import CLOSE, ERROR, PROTOCOL, STDIN, opened
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.refusals import away

RESIZE: Final = 4


@dataclass
class Stream:
    """Written from one thread and read from another."""

    socket: Any
    where: str
    # Reentrant: a terminal that changes its size interrupts whatever the same thread is doing.
    _writing: threading.RLock = field(default_factory=threading.RLock)

    def write(self, data: bytes) -> None:
        """To the program's standard input. Raises kubernetes/unreachable."""
        self._send(bytes([STDIN]) + data)

    def end(self) -> None:
        """No more standard input will come."""
        if self.socket.getsubprotocol() == PROTOCOL:
            self._send(bytes([CLOSE, STDIN]))

    def resize(self, columns: int, lines: int) -> None:
        said = json.dumps({"Width": columns, "Height": lines})
        self._send(bytes([RESIZE]) + said.encode())

    def read(self, timeout: float) -> tuple[int, bytes] | None:
        """(channel, bytes); None after so many silent seconds; (ERROR, b"") where it broke off."""
        import websocket

        self.socket.settimeout(timeout)
        try:
            code, data = self.socket.recv_data()
        except websocket.WebSocketTimeoutException:
            return None
        except (websocket.WebSocketException, OSError):
            return ERROR, b""
        if code == websocket.ABNF.OPCODE_CLOSE or not data:
            return (ERROR, b"") if code == websocket.ABNF.OPCODE_CLOSE else (0, b"")
        return data[0], bytes(data[1:])

    def ping(self) -> None:
        """What stands between here and the pod drops connections that say nothing for long."""
        with self._writing:
            self.socket.ping()

    def close(self) -> None:
        self.socket.close(timeout=1)

    def _send(self, frame: bytes) -> None:
        import websocket

        try:
            with self._writing:
                self.socket.send_binary(frame)
        except (websocket.WebSocketException, OSError) as error:
            raise away(str(error), self.where) from None


def open_stream(
    api: Api, pod: str, container: str, argv: Sequence[str], *, tty: bool = False
) -> Stream:
    """Starts `argv`. Raises what the API server refuses."""
    path = f"{KINDS['Pod'].path(api.namespace, pod)}/exec"
    query = [("container", container), ("stdin", "true"), ("stdout", "true")]
    query += [("tty", "true")] if tty else [("stderr", "true")]
    query += [("command", word) for word in argv]
    return Stream(opened(api, f"{path}?{urlencode(query)}", PROTOCOL), api.where(path))
