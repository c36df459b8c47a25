"""A fake of a RESP server, for what a real one does only on bad days. It knows five commands."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class FakeResp:
    """Lists in memory. The attributes may be changed from the test's thread while it serves."""

    def __init__(self) -> None:
        self.port = 0
        self.password = b""
        self.refusal = b""  # said to every write, such as b"READONLY no"
        self.silent = False  # takes what is sent, does nothing, answers nothing
        self.deaf = False  # does what is sent, answers nothing
        self.raw = b""  # said instead of any answer
        self.lists: dict[bytes, list[bytes]] = {}
        self.asked: list[list[bytes]] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while words := await _request(reader):
                self.asked.append(words)
                if self.silent:
                    continue
                said = self.raw or self._answer(words)
                if not self.deaf:
                    writer.write(said)
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    def _answer(self, words: list[bytes]) -> bytes:
        command, *rest = words
        if command == b"AUTH":
            return b"+OK\r\n" if rest[-1] == self.password else b"-WRONGPASS no\r\n"
        if self.refusal and command in (b"RPUSH", b"EXPIRE", b"DEL"):
            return b"-" + self.refusal + b"\r\n"
        mine = self.lists.setdefault(rest[0], [])
        if command == b"RPUSH":
            mine.append(rest[1])
            return b":%d\r\n" % len(mine)
        if command == b"LRANGE":
            parts = [b"$%d\r\n%s\r\n" % (len(each), each) for each in mine]
            return b"*%d\r\n" % len(parts) + b"".join(parts)
        if command == b"DEL":
            self.lists.pop(rest[0])
        return b":1\r\n"


async def _request(reader: asyncio.StreamReader) -> list[bytes]:
    head = await reader.readline()
    if not head:
        return []
    words = []
    for _ in range(int(head[1:])):
        length = int((await reader.readline())[1:])
        words.append((await reader.readexactly(length + 2))[:-2])
    return words


@contextmanager
def fake_resp() -> Iterator[FakeResp]:
    """Serves on loopback, in a thread of its own."""
    fake, loop = FakeResp(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opened = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(fake.serve, "127.0.0.1", 0), loop
    )
    server = opened.result(5)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
