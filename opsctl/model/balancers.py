"""Which balancers each route goes through; those that nobody wrote down are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsctl.errors import OpsError, SpecError
from opsctl.model.environment import Environment
from opsctl.model.routes import Route
from opsctl.model.services import ServiceBase
from opsctl.model.targets import HostsTarget

_SOONEST = ("fast", "normal", "safe")  # failover presets


def with_balancers(
    environment: Environment, engines: Mapping[str, type[ServiceBase]]
) -> tuple[Environment, list[OpsError]]:
    """The environment with `via` of every route filled in, and what is wrong with it.

    The document stays as it was written. Where no engine balances, routes are left as they are.
    """
    if not environment.routes:
        return environment, []  # no engine is asked, nor imported for that
    kind = next(((name, kind) for name, kind in engines.items() if kind.balances), None)
    if kind is None:
        return environment, []
    mistakes: list[OpsError] = []
    routes: dict[str, Route] = {}
    for name, route in environment.routes.items():
        try:
            via = route.via or _choose(environment, name, route)
        except SpecError as error:
            mistakes.append(error)
        else:
            routes[name] = route.model_copy(update={"via": via})
    services = dict(environment.services)
    for pool in dict.fromkeys(route.via for route in routes.values() if route.via):
        if pool not in services:
            led = [services[route.to] for route in routes.values() if route.via == pool]
            services[pool] = _made(environment, pool.removeprefix("balancer-"), kind, led)
    return environment.model_copy(update={"routes": routes, "services": services}), mistakes


def _choose(environment: Environment, name: str, route: Route) -> str:
    """The only balancers of the routed service's target; else the name of those to be made."""
    service = environment.services[route.to]
    there = [
        other
        for other, pool in environment.services.items()
        if pool.balances and pool.managed and service.on in (None, pool.on)
    ]
    if len(there) > 1:
        raise SpecError(
            "spec/which-balancer",
            f'the route "{name}" could go through {" or ".join(there)}',
            where=environment.place(("routes", name), key=True),
            hint=f"via: {there[0]}",
        )
    if there:
        return there[0]
    target = service.on or (
        next(iter(environment.targets)) if len(environment.targets) == 1 else ""
    )
    if not target:
        raise SpecError(
            "spec/no-balancer",
            f'the route "{name}" does not say which balancers it goes through',
            where=environment.place(("routes", name), key=True),
            hint="write a service of a balancing engine, and its name as via",
        )
    return f"balancer-{target}"


def _made(
    environment: Environment,
    target: str,
    kind: tuple[str, type[ServiceBase]],
    services: Sequence[ServiceBase],
) -> ServiceBase:
    """Two of them where two hosts are, as quick to notice as the quickest service behind them."""
    where = environment.targets[target]
    hosts = where.named if isinstance(where, HostsTarget) else None
    engine, model = kind
    return model.model_validate(
        {
            "engine": engine,
            "on": target,
            "replicas": 1 if hosts is not None and len(hosts) == 1 else 2,
            "failover": min((one.failover for one in services), key=_SOONEST.index),
        }
    )
