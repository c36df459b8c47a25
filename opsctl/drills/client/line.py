"""A connection that is made anew whenever it breaks."""

from __future__ import annotations

import asyncio
import errno

from opsctl.drills.client.core import Connect, Connection, Refused, Settings


class Down(Exception):
    """There was no connection in time. `kind` is why the last try failed."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def kind_of(error: Exception) -> str:
    """One word for what went wrong with a connection."""
    if isinstance(error, Refused):
        return error.kind
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, EOFError):
        return "closed"
    number = error.errno if isinstance(error, OSError) else None
    return errno.errorcode.get(number or 0, "connection-lost")


class Line:
    """Connects in the background, apart from the writes that wait for it.

    A write gives up when it is too late for it. If it took the half-made connection with it, a
    route that needs longer than a period to connect would never be reached.
    """

    def __init__(self, settings: Settings, writer: int, connect: Connect) -> None:
        self._settings, self._writer, self._connect = settings, writer, connect
        self._connection: Connection | None = None
        self._up, self._broken = asyncio.Event(), asyncio.Event()
        self._pause = False
        self.problem = "connecting"
        self._task = asyncio.create_task(self._keep())

    async def connection(self, within: float) -> Connection:
        """A connection that is not known to be gone. Raises Down after `within` seconds."""
        try:
            async with asyncio.timeout(max(0.0, within)):
                while True:
                    await self._up.wait()
                    assert self._connection is not None
                    if not self._connection.gone():
                        return self._connection
                    self.drop("closed")
        except TimeoutError:
            raise Down(self.problem) from None

    def drop(self, problem: str, *, pause: bool = False) -> None:
        """Give the connection up; `pause` before the next one."""
        self.problem, self._pause = problem, pause
        self._up.clear()
        self._broken.set()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None:
            self._connection.close()

    async def _keep(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._settings.timeout):
                    made = await self._connect(self._settings, self._writer)
            except (Refused, OSError, EOFError) as error:
                self.problem = f"connect: {kind_of(error)}"
                await asyncio.sleep(self._settings.backoff)
                continue
            self._connection, self._pause = made, False
            self._broken.clear()
            self._up.set()
            await self._broken.wait()
            made.close()
            if self._pause:
                await asyncio.sleep(self._settings.backoff)
