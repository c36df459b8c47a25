"""Redis and Valkey: one primary, its replicas, and Sentinels that replace a lost primary.

Pure: seats and a spec go in, a Workload comes out. `ENGINE` and `VALKEY` differ by a `Flavour`.
"""

from __future__ import annotations

from opsctl.engines.redis.engine import RedisEngine
from opsctl.engines.redis.options import RedisService, ValkeyService

ENGINE = RedisEngine(RedisService)
VALKEY = RedisEngine(ValkeyService)

__all__ = ["ENGINE", "VALKEY", "RedisEngine", "RedisService", "ValkeyService"]
