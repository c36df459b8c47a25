"""Writes of a drill in Redis: each writer appends its numbers to a list of its own.

The list tells at once what was lost, came twice, or came in another order.
"""

from __future__ import annotations

from opsctl.drills.client.core import Settings
from opsctl.drills.client.resp import Resp

PREFIX = "opsctl-drill"


class RedisConnection:
    """One connection of one writer."""

    def __init__(self, resp: Resp, key: str, keep: float) -> None:
        self._resp, self._key = resp, key.encode()
        self._keep = b"%d" % max(1, round(keep))
        self._expires = False

    def gone(self) -> bool:
        return self._resp.gone()

    async def write(self, seq: int) -> None:
        push = [b"RPUSH", self._key, b"%d" % seq]
        if self._expires:
            await self._resp.ask(push)
            return
        # A server that lost the list makes a new one without expiry. It is reached by a new
        # connection, so once for each connection is enough. DEL at the end is the usual way out.
        await self._resp.ask(push, [b"EXPIRE", self._key, self._keep])
        self._expires = True

    async def read(self) -> None:
        await self._resp.ask([b"EXISTS", self._key])

    async def read_all(self) -> list[int]:
        found = await self._resp.ask([b"LRANGE", self._key, b"0", b"-1"])
        if not isinstance(found, list):
            raise ConnectionError("LRANGE gave no list")
        return [int(each) for each in found if isinstance(each, bytes)]

    async def forget(self) -> None:
        await self._resp.ask([b"DEL", self._key])

    def close(self) -> None:
        self._resp.close()


async def connect(settings: Settings, writer: int, /) -> RedisConnection:
    resp = await Resp.connect(settings.host, settings.port, settings.user, settings.password)
    return RedisConnection(resp, f"{PREFIX}:{settings.run}:{writer}", settings.keep)
