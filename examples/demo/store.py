"""The client's way to Redis: it asks the Sentinels who is primary, as redis-py does it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from client import NotAcknowledged
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

SENTINEL_PORT = 26379
PATIENCE = 0.25  # seconds for a connection and for an answer; a dead host gives neither
CHUNK = 1000


class RedisStore:
    """Numbers as keys `demo:RUN:000042`, each counting how often it was written."""

    def __init__(self, service: str, hosts: Sequence[str], user: str, password: str) -> None:
        login: dict[str, Any] = {
            "username": user,
            "password": password,
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
            # The client above tries again by itself, and counts it.
            "retry": Retry(NoBackoff(), 0),
        }
        self._service = service
        self._sentinel = Sentinel(  # type: ignore[no-untyped-call]
            [(host, SENTINEL_PORT) for host in hosts], sentinel_kwargs=login, **login
        )
        master = self._sentinel.master_for(service)  # type: ignore[no-untyped-call]
        self._primary: Redis = master
        self._prefix = f"demo:{time.time_ns() // 10**9}"

    def write(self, number: int) -> None:
        """Raises NotAcknowledged, with the reason as its cause."""
        try:
            self._primary.incr(self._key(number))
        except (RedisError, OSError) as error:
            raise NotAcknowledged(str(error)) from error

    def read(self, numbers: Iterable[int]) -> Mapping[int, int]:
        """From the primary."""
        wanted = list(numbers)
        found: dict[int, int] = {}
        for begin in range(0, len(wanted), CHUNK):
            part = wanted[begin : begin + CHUNK]
            counts = self._primary.mget([self._key(one) for one in part])
            found |= {one: int(count) for one, count in zip(part, counts, strict=True) if count}
        return found

    def primary_address(self) -> str:
        """The host that the Sentinels hold for primary."""
        host, _ = self._sentinel.discover_master(self._service)  # type: ignore[no-untyped-call]
        return str(host)

    @property
    def pattern(self) -> str:
        """The keys that this client writes."""
        return f"{self._prefix}:*"

    def _key(self, number: int) -> str:
        return f"{self._prefix}:{number:06}"
