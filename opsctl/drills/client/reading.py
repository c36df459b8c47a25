"""After the run: everything that the service still has is read back, then the run's keys go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from opsctl.drills.client.core import Clock, Connect, Connection, Refused, Settings
from opsctl.drills.client.line import Down, Line, kind_of

T = TypeVar("T")
_ONE_READ = 5.0  # seconds; a long list takes its time
_CLEANING = 2.0  # seconds for each writer; what stays is dropped by the server after a while


async def read_back(settings: Settings, connect: Connect, clock: Clock) -> dict[str, Any]:
    """What each writer's key holds, once the service serves again; None when it did not in time."""
    found: list[list[int]] = []
    problem = ""
    end = clock() + settings.read_within
    try:
        for writer in range(settings.writers):
            found.append(await _retry(settings, connect, clock, writer, end, _all))
    except Down as error:
        problem = error.kind
    at = clock()
    return {
        "read_back": None if problem else found,
        "read_back_at": at,
        "read_back_problem": problem,
        "cleaned": await _clean(settings, connect, clock),
    }


async def _clean(settings: Settings, connect: Connect, clock: Clock) -> bool:
    end = clock() + _CLEANING * settings.writers
    try:
        for writer in range(settings.writers):
            await _retry(settings, connect, clock, writer, end, _forget)
    except Down:
        return False
    return True


async def _retry(
    settings: Settings,
    connect: Connect,
    clock: Clock,
    writer: int,
    end: float,
    ask: Callable[[Connection], Awaitable[T]],
) -> T:
    """What `ask` gives, on a connection of its own. Raises Down when `end` has come."""
    line = Line(settings, writer, connect)
    problem = "no time left"
    try:
        while (left := end - clock()) > 0:
            try:
                connection = await line.connection(left)
                async with asyncio.timeout(min(left, _ONE_READ)):
                    return await ask(connection)
            except (Refused, OSError, EOFError) as error:
                problem = kind_of(error)
                line.drop(problem, pause=True)
                await asyncio.sleep(settings.backoff)
    finally:
        await line.close()
    raise Down(problem)


async def _all(connection: Connection) -> list[int]:
    return await connection.read_all()


async def _forget(connection: Connection) -> None:
    await connection.forget()
