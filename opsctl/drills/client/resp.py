"""A minimal client of RESP2, the protocol of Redis and its kin."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from opsctl.drills.client.core import Refused

Reply: TypeAlias = "int | bytes | list[Reply] | None"

# These servers can't serve now, and the connection leads to them as long as it lives.
_LEAVE = frozenset({"READONLY", "LOADING", "MASTERDOWN", "NOAUTH", "WRONGPASS", "UNBLOCKED"})
_LONGEST = 64 * 1024 * 1024  # bytes of one answer; what claims more is no RESP


class Resp:
    """One connection. Requests go out in order and so do answers; one caller at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, host: str, port: int, user: str, password: str) -> Resp:
        """Raises OSError, EOFError, or Refused when the password isn't taken."""
        made = cls(*await asyncio.open_connection(host, port))
        try:
            if password:
                await made.ask([b"AUTH", *([user.encode()] if user else []), password.encode()])
        except BaseException:
            made.close()
            raise
        return made

    def gone(self) -> bool:
        return self._reader.at_eof() or self._writer.is_closing()

    async def ask(self, command: list[bytes], *more: list[bytes]) -> Reply:
        """The answer to `command`. Raises Refused when it is no.

        `more` are sent along; whether they are refused changes nothing. All answers are read
        first, so that the connection can still be used after a refusal.
        """
        self._writer.write(b"".join(map(_packed, (command, *more))))
        await self._writer.drain()
        answer = await self._answer()
        for _ in more:
            await self._answer()
        if isinstance(answer, Refused):
            raise answer
        return answer

    def close(self) -> None:
        """At once: nobody waits for a peer that may be silent."""
        self._writer.transport.abort()

    async def _answer(self) -> Reply | Refused:
        try:
            line = await self._line()
            return refusal(line[1:]) if line[:1] == b"-" else await self._value(line)
        except (ValueError, asyncio.LimitOverrunError) as error:
            raise ConnectionError(f"that is no RESP: {error}") from None

    async def _value(self, line: bytes) -> Reply:
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind not in b":$*" or not kind:
            raise ValueError(f"answer begins with {line[:20]!r}")
        number = int(rest)
        if kind == b":":
            return number
        if number < 0:
            return None
        if number > _LONGEST:
            raise ValueError(f"{number} bytes are announced")
        if kind == b"*":
            return [await self._value(await self._line()) for _ in range(number)]
        return (await self._reader.readexactly(number + 2))[:-2]

    async def _line(self) -> bytes:
        line = await self._reader.readuntil(b"\r\n")
        return line[:-2]


def refusal(said: bytes) -> Refused:
    """ "-READONLY You can't write ..." as its first word; other words may hold what was sent."""
    kind = said.split(b" ", 1)[0].decode("ascii", "replace")[:40] or "ERR"
    return Refused(kind, leave=kind in _LEAVE)


def _packed(words: list[bytes]) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    parts += [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
    return b"".join(parts)
