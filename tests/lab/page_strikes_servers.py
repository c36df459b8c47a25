"""Faults of Redis and its Sentinels that pages are about."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import redis
import route_client
from lab_site import Site, await_until
from page_stage import Stage, Struck, connections, dropped, hung, stopped

SECONDS = 1800.0  # until a fault of the lab heals itself: far more than any test takes
CROWD = 80  # clients: more than a server with `maxclients: 60` lets in


@contextmanager
def replica_hung(stage: Stage) -> Iterator[Struck]:
    replica = min(route_client.replicas(stage.site))
    with hung(stage, "redis", replica) as at:
        yield Struck(at, stage.named(replica))


@contextmanager
def replicas_stopped(stage: Stage) -> Iterator[Struck]:
    with stopped(stage, "redis", *route_client.replicas(stage.site)) as at:
        yield Struck(at)


@contextmanager
def sentinels_stopped(stage: Stage) -> Iterator[Struck]:
    with stopped(stage, "sentinel", *route_client.replicas(stage.site)) as at:
        yield Struck(at)


@contextmanager
def primary_hung_without_sentinels(stage: Stage) -> Iterator[Struck]:
    primary = route_client.primary(stage.site)
    with sentinels_stopped(stage):
        for member in route_client.replicas(stage.site):
            ended = partial(stage.process, member, "sentinel")
            await_until(ended, lambda process: process == "0", f"the end of {member}'s Sentinel")
        with hung(stage, "redis", primary) as at:
            yield Struck(at)


@contextmanager
def primary_cut_off(stage: Stage) -> Iterator[Struck]:
    """Redis and Sentinels alone: whoever watches reaches both sides."""
    primary = route_client.primary(stage.site)
    others = ", ".join(
        stage.address(stage.host(member)) for member in route_client.replicas(stage.site)
    )
    ports = "{ 6379, 26379 }"
    rules = [
        f"{way} ip {side} {{ {others} }} tcp {end} {ports}"
        for way, side in (("in", "saddr"), ("out", "daddr"))
        for end in ("dport", "sport")
    ]
    with dropped(stage, stage.host(primary), *rules) as at:
        yield Struck(at)


def cart(stage: Stage) -> redis.Redis[Any]:
    """A client of the small service that has one member and no route."""
    address = stage.address(stage.host("cart-0"))
    return route_client.client(stage.site, address, 6390, service="cart")


@contextmanager
def server_filled(stage: Stage) -> Iterator[Struck]:
    client, keys = cart(stage), 0
    at = time.monotonic()
    for size in (256 * 1024, 4 * 1024):
        with contextlib.suppress(redis.OutOfMemoryError):
            while keys < 10_000:
                client.set(f"full:{keys}", "x" * size)
                keys += 1
    try:
        yield Struck(at, stage.named("cart-0"))
    finally:
        for key in range(keys):
            client.unlink(f"full:{key}")


@contextmanager
def server_crowded(stage: Stage) -> Iterator[Struck]:
    """Who measures it gets in, too, when some have left."""
    address = stage.address(stage.host("cart-0"))
    at = time.monotonic()
    with connections(address, 6390, CROWD):
        time.sleep(0.5)  # the crowd stays for a moment
    yield Struck(at, stage.named("cart-0"))


@contextmanager
def server_disk_filled(stage: Stage) -> Iterator[Struck]:
    """Clients go on to write, and somebody asks for a snapshot."""
    site, host = stage.site, stage.host("cart-0")
    at = time.monotonic()
    site.lab.faults.fill_disk(host, "/data", for_=SECONDS)
    try:
        client = cart(stage)
        with contextlib.suppress(redis.RedisError):
            for key in range(200):
                client.set(f"more:{key}", "x" * 16_384, ex=60)
        site.run("connect", "cart/cart-0", "BGSAVE")
        yield Struck(at, stage.named("cart-0"))
    finally:
        site.lab.faults.free(host)
        # A snapshot that succeeds is what ends it; none is scheduled here.
        await_until(
            lambda: _saved(site), lambda said: "last_bgsave_status:ok" in said, "a snapshot"
        )


def _saved(site: Site) -> str:
    site.run("connect", "cart/cart-0", "BGSAVE")
    return site.ok("connect", "cart/cart-0", "INFO", "persistence").out
