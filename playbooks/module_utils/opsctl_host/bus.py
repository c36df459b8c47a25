"""systemd's own socket, asked for units as systemctl does: one connection, a few short messages.

systemctl shows all properties of a unit to print four of them, which takes more of a look than all
else that a look does. What is said here is D-Bus as its specification has it; whatever is
unexpected raises UnclearError, and the caller asks systemctl.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Sequence

from . import places

SOCKET = "/run/systemd/private"
PATIENCE = 10.0  # seconds
MANAGER = ("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
UNIT = "org.freedesktop.systemd1.Unit"
PROPERTIES = "org.freedesktop.DBus.Properties"
PATH, INTERFACE, MEMBER, REPLY_TO, SIGNATURE = 1, 2, 3, 5, 8  # fields of a message's head
CALL, RETURN, ERROR = 1, 2, 3  # types of messages
LARGEST = 1 << 20  # bytes of one message
HEAD = 16  # bytes before the fields


class UnclearError(Exception):
    """No answer that is understood."""


class Cursor:
    """Reads values off a message; numbers are in this machine's order, as a local sender's are."""

    def __init__(self, text: bytes, at: int):
        self.text, self.at = text, at

    def align(self, width: int) -> None:
        self.at += -self.at % width

    def number(self) -> int:
        self.align(4)
        self.at += 4
        return int.from_bytes(self.text[self.at - 4 : self.at], sys.byteorder)

    def string(self) -> str:
        return self._bytes(self.number())

    def signature(self) -> str:
        self.at += 1
        return self._bytes(self.text[self.at - 1])

    def _bytes(self, length: int) -> str:
        start, self.at = self.at, self.at + length + 1
        if self.at > len(self.text):
            raise UnclearError("a message is cut short")
        return self.text[start : start + length].decode()


def states(names: Sequence[str]) -> list[dict[str, str]]:
    """LoadState, ActiveState, SubState and NeedDaemonReload of each, in this order."""
    from _socket import AF_UNIX, SOCK_STREAM, error, socket  # without socket's own imports

    end = time.monotonic() + PATIENCE
    line = socket(AF_UNIX, SOCK_STREAM)
    try:
        line.settimeout(PATIENCE)
        line.connect(places.below(SOCKET))
        who = str(os.geteuid()).encode().hex()
        line.sendall(f"\0AUTH EXTERNAL {who}\r\nBEGIN\r\n".encode())
        bus = Bus(line, end)  # waits for OK: systemd may overlook what comes together with BEGIN
        line.sendall(message(1, *MANAGER, "ListUnitsByNames", "as", _array(names)))
        listed = _units(bus.reply(1))
        if len(listed) != len(names):
            raise UnclearError("not every unit was told")
        there = [n for n, (state, _) in enumerate(listed) if state["LoadState"] != "not-found"]
        asked = _padded(_string(UNIT), 4) + _string("NeedDaemonReload")
        line.sendall(
            b"".join(message(2 + n, listed[n][1], PROPERTIES, "Get", "ss", asked) for n in there)
        )
        for n in there:
            listed[n][0]["NeedDaemonReload"] = _yes_no(bus.reply(2 + n))
        return [state for state, _ in listed]
    except (error, UnicodeDecodeError, IndexError) as failed:
        raise UnclearError(str(failed)) from failed
    finally:
        line.close()


class Bus:
    """The answers on a connection, signals left out."""

    def __init__(self, line: object, end: float):
        self.line, self.end = line, end
        self.text = b""
        while b"\r\n" not in self.text:
            self._more()
        said, _, self.text = self.text.partition(b"\r\n")
        if not said.startswith(b"OK "):
            raise UnclearError(said.decode(errors="replace"))

    def _more(self) -> None:
        received: bytes = self.line.recv(65536)  # type: ignore[attr-defined]
        if not received or time.monotonic() > self.end or len(self.text) > LARGEST:
            raise UnclearError("systemd says no more")
        self.text += received

    def reply(self, serial: int) -> Cursor:
        """The body of the answer to this message; answers come in the order of the questions."""
        while True:
            kind, to, body = self._next()
            if to == serial and kind == RETURN:
                return body
            if to == serial or kind == ERROR:
                raise UnclearError(f"systemd refuses message {to}")

    def _next(self) -> tuple[int, int, Cursor]:
        """(type, serial of what it answers, body) of the next message."""
        while len(self.text) < HEAD:
            self._more()
        head = Cursor(self.text, 4)
        length, _, fields = head.number(), head.number(), head.number()
        start = HEAD + fields + -fields % 8
        if self.text[:1] != _order() or start + length > LARGEST:
            raise UnclearError("an answer in another form")
        while len(self.text) < start + length:
            self._more()
        kind, to = self.text[1], 0
        while head.at < HEAD + fields:
            head.align(8)
            code = head.text[head.at]
            head.at += 1
            form = head.signature()
            value = _value(Cursor(self.text, head.at), form)
            head.at = value[1]
            to = value[0] if code == REPLY_TO else to
        # A body is aligned by itself; it begins where a number of 8 bytes may.
        body, self.text = self.text[start : start + length], self.text[start + length :]
        return kind, to, Cursor(body, 0)


def _value(cursor: Cursor, form: str) -> tuple[int, int]:
    """A field's value, 0 for a text, and where it ends."""
    found = 0
    if form in ("s", "o"):
        cursor.string()
    elif form == "g":
        cursor.signature()
    elif form == "u":
        found = cursor.number()
    else:
        raise UnclearError(f"a field of the form {form}")
    return found, cursor.at


def _units(body: Cursor) -> list[tuple[dict[str, str], str]]:
    """From an array of (name, description, load, active, sub, following, path, job's number, type
    and path): states and path of each unit."""
    end = body.number()
    body.align(8)
    end += body.at
    found = []
    while body.at < end:
        body.align(8)
        words = [body.string() for _ in range(7)]
        body.number()
        body.string()
        body.string()
        state = {"LoadState": words[2], "ActiveState": words[3], "SubState": words[4]}
        found.append((state, words[6]))
    return found


def _yes_no(body: Cursor) -> str:
    if body.signature() != "b":
        raise UnclearError("not a yes or no")
    return "yes" if body.number() else "no"


def _order() -> bytes:
    return b"l" if sys.byteorder == "little" else b"B"


def _number(value: int) -> bytes:
    return value.to_bytes(4, sys.byteorder)


def _string(text: str) -> bytes:
    return _number(len(text.encode())) + text.encode() + b"\0"


def _signature(text: str) -> bytes:
    return bytes([len(text)]) + text.encode() + b"\0"


def _padded(text: bytes, width: int) -> bytes:
    return text + b"\0" * (-len(text) % width)


def _array(names: Iterable[str]) -> bytes:
    text = b""
    for name in names:
        text = _padded(text, 4) + _string(name)
    return _number(len(text)) + text


def message(
    serial: int, path: str, interface: str, member: str, signature: str, body: bytes
) -> bytes:
    """A method call."""
    fields = b""
    for code, form, value in (
        (PATH, "o", path), (INTERFACE, "s", interface), (MEMBER, "s", member),
        (SIGNATURE, "g", signature),
    ):  # fmt: skip
        fields = _padded(fields, 8) + bytes([code]) + _signature(form)
        if form == "g":
            fields += _signature(value)
        else:
            fields = _padded(fields, 4) + _string(value)
    head = _order() + bytes([CALL, 0, 1]) + _number(len(body)) + _number(serial)
    return _padded(head + _number(len(fields)) + fields, 8) + body
