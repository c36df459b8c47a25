"""A Redis client as applications have it: it asks the Sentinels for the primary."""

from __future__ import annotations

from typing import Any

import redis
from lab_site import Site, await_until
from redis.sentinel import Sentinel


def password(site: Site, name: str) -> str:
    return site.ok("secrets", "show", name).out.strip()


def sentinel(site: Site, service: str, *, user: str = "app", port: int = 26379) -> Sentinel:
    secret = password(site, f"{service}/user/{user}")
    return Sentinel(
        [(host.address, port) for host in site.lab.hosts],
        sentinel_kwargs={"username": user, "password": secret, "socket_timeout": 0.5},
        username=user,
        password=secret,
        socket_timeout=1.0,
    )


def primary(site: Site, service: str) -> redis.Redis[Any]:
    return sentinel(site, service).master_for(service, decode_responses=True)


def write(site: Site, service: str, count: int, prefix: str = "key") -> None:
    client = primary(site, service)
    for number in range(count):
        client.set(f"{prefix}:{number}", number)


def assert_written(site: Site, service: str, count: int, prefix: str = "key") -> None:
    client = primary(site, service)
    found = client.mget([f"{prefix}:{number}" for number in range(count)])
    assert found == [str(number) for number in range(count)]


def roles(site: Site, service: str, *, ready: bool = False) -> dict[str, str]:
    """Member to role of its data server, as `opsctl status` sees it: of those that answered, or
    that can serve in their role (a replica has its copy and follows)."""
    found = {}
    for service_ in site.status()["services"]:
        if service_["name"] != service:
            continue
        for member in service_["members"]:
            for component in member["components"]:
                if component["name"] == "redis" and component.get("ready" if ready else "answered"):
                    found[member["name"]] = component["role"]
    return found


def await_whole(site: Site, service: str, members: int = 3, seconds: float = 60) -> dict[str, str]:
    """One primary, everybody else its replica that could take over at once."""

    def whole(found: dict[str, str]) -> bool:
        return sorted(found.values()) == ["primary", *["replica"] * (members - 1)]

    return await_until(
        lambda: roles(site, service, ready=True), whole, "one primary and its replicas", seconds
    )
