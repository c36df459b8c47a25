"""What routes may not say together: addresses, ports and router ids are had by one alone."""

from __future__ import annotations

from collections.abc import Iterator

from opsctl.errors import OpsError, SpecError
from opsctl.model.base import Keys
from opsctl.model.checking import balancer
from opsctl.model.environment import Environment
from opsctl.model.routes import Route


def check_routes(environment: Environment) -> list[OpsError]:
    """spec/no-balancer, spec/absent-service, spec/duplicate-vip, spec/duplicate-route,
    spec/duplicate-vrid. `via` is filled in."""
    return [
        *_leading(environment),
        *_addresses(environment),
        *_doors(environment),
        *_router_ids(environment),
    ]


def _mistake(
    environment: Environment, code: str, message: str, keys: Keys, hint: str = ""
) -> SpecError:
    place = environment.place(keys) or environment.place(keys[:2], key=True)
    return SpecError(code, message, where=place or ".".join(map(str, keys)), hint=hint)


def _leading(environment: Environment) -> Iterator[SpecError]:
    """Through balancers, to what is there."""
    for name, route in environment.routes.items():
        service = environment.services[route.to]
        pool = environment.services.get(route.via or "")
        if service.state == "absent":
            words = f"{route.to} is taken down, and a route leads to it"
            hint = "remove the route too"
            yield _mistake(environment, "spec/absent-service", words, ("routes", name, "to"), hint)
        if service.balances:
            led = [key for key, one in environment.services.items() if not one.balances]
            hint = f"to: {' | '.join(led)}; balancers are named as via"
            words = balancer(route.to)
            yield _mistake(environment, "spec/value", words, ("routes", name, "to"), hint)
        if pool is not None and not (pool.balances and pool.managed):
            words = f"{route.via} is no balancer that opsctl builds"
            known = [key for key, one in environment.services.items() if one.balances]
            hint = f"balancers: {', '.join(known)}" if known else "leave via out"
            yield _mistake(environment, "spec/no-balancer", words, ("routes", name, "via"), hint)


def _addresses(environment: Environment) -> Iterator[SpecError]:
    """One address belongs to one pool and is described once."""
    known: dict[str, tuple[str, Route]] = {}
    for name, route in environment.routes.items():
        if route.vip is None:
            continue
        other, first = known.setdefault(route.vip.ip, (name, route))
        assert first.vip is not None
        keys: Keys = ("routes", name, "vip")
        if first.via != route.via:
            words = f"{other} and {name} want {route.vip.ip}, but go through different balancers"
            yield _mistake(environment, "spec/duplicate-vip", words, keys, f"via: {first.via}")
        elif _differ(route.vip.interface, first.vip.interface) or _differ(
            route.vip.vrid, first.vip.vrid
        ):
            words = f"{other} and {name} say two things of {route.vip.ip}"
            hint = "interface and vrid stand at one of them"
            yield _mistake(environment, "spec/duplicate-vip", words, keys, hint)


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _doors(environment: Environment) -> Iterator[SpecError]:
    """Left-out ports are the engine's: two of one engine are the same."""
    known: dict[tuple[str | None, int | str], str] = {}
    for name, route in environment.routes.items():
        where = route.vip.ip if route.vip else route.via
        port = route.port or environment.services[route.to].engine
        other = known.setdefault((where, port), name)
        if other != name:
            shown = f"port {port}" if route.port else "the same port"
            words = f"{other} and {name} both want {shown} of {where}"
            keys: Keys = ("routes", name, "port" if route.port else "to")
            hint = "give one another port, or a vip of its own"
            yield _mistake(environment, "spec/duplicate-route", words, keys, hint)


def _router_ids(environment: Environment) -> Iterator[SpecError]:
    known: dict[int, str] = {}
    for name, route in environment.routes.items():
        if route.vip is None or route.vip.vrid is None:
            continue
        other = known.setdefault(route.vip.vrid, route.vip.ip)
        if other != route.vip.ip:
            words = f"{other} and {route.vip.ip} both have vrid {route.vip.vrid}"
            keys: Keys = ("routes", name, "vip", "vrid")
            yield _mistake(environment, "spec/duplicate-vrid", words, keys, "leave one out")
