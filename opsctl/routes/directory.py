"""The lanes and floating addresses of one pool of balancers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opsctl.errors import SpecError
from opsctl.model import Environment, KubernetesTarget, Route, ServiceBase
from opsctl.routes.external import external_entry
from opsctl.routes.vips import vips
from opsctl.workload import Directory, Entry, Lane, Workload


def directory(environment: Environment, pool: str, workloads: Mapping[str, Workload]) -> Directory:
    """What the balancers of `pool` lead to; empty for a service that is none.

    Raises SpecError: route/other-target, route/no-role, route/same-port, kubernetes/bad-name, and
    what an entry can't do.
    """
    routes = {name: route for name, route in environment.routes.items() if route.via == pool}
    if not routes or not environment.services[pool].balances:
        return Directory()
    lanes = tuple(
        _lane(environment, pool, name, route, workloads) for name, route in routes.items()
    )
    namespace = _namespace(environment, pool)
    if namespace is not None:
        return Directory(tuple(_in_cluster(lane, namespace) for lane in lanes))
    _check_doors(lanes)
    return Directory(lanes, vips(environment, pool))


def _namespace(environment: Environment, pool: str) -> str | None:
    """The pool's on a cluster, None on hosts."""
    target = environment.targets.get(environment.services[pool].on or "")
    if not isinstance(target, KubernetesTarget):
        return None
    return target.kubernetes.namespace or environment.name


def _in_cluster(lane: Lane, namespace: str) -> Lane:
    """With a Service of the route's own instead of a floating address, so that no two meet."""
    if not lane.name[:1].isalpha():  # clusters before 1.34 refuse such a Service
        raise SpecError(
            "kubernetes/bad-name",
            "a name begins with a letter on Kubernetes",
            where=f"routes.{lane.name}",
            hint="give the route another name",
        )
    return replace(lane, address="", door=f"{lane.name}.{namespace}.svc")


def _lane(
    environment: Environment,
    pool: str,
    name: str,
    route: Route,
    workloads: Mapping[str, Workload],
) -> Lane:
    balancers, service = environment.services[pool], environment.services[route.to]
    _check_place(name, balancers, service)
    if service.external is not None:
        entry = external_entry(name, route, service, balancers.failover)
    else:
        entry = _entry(name, route, workloads[route.to])
    return Lane(
        name=name,
        service=route.to,
        entry=_fresh(name, route, entry),
        port=route.port or entry.port,
        address=route.vip.ip if route.vip else "",
        balance=route.balance,
        max_connections=route.max_connections,
    )


def _check_place(name: str, balancers: ServiceBase, service: ServiceBase) -> None:
    if service.managed and service.on != balancers.on:
        raise SpecError(
            "route/other-target",
            f"the balancers of {name} run on {balancers.on}, what they lead to on {service.on}",
            where=f"routes.{name}",
            hint=f"via: balancers on {service.on}",
        )


def _entry(name: str, route: Route, workload: Workload) -> Entry:
    for entry in workload.entries:
        if entry.role == route.role:
            return entry
    known = [entry.role for entry in workload.entries]
    raise SpecError(
        "route/no-role",
        f"{route.to} has no members with the role {route.role}",
        where=f"routes.{name}.role" if known else f"routes.{name}",
        hint=f"roles: {', '.join(known)}" if known else f"{workload.engine} can't be routed to",
    )


def _fresh(name: str, route: Route, entry: Entry) -> Entry:
    """The entry, whose members must have heard of their primary lately where that is wanted."""
    if route.max_lag is None:
        return entry
    if entry.fresh is None:
        raise SpecError(
            "route/no-lag",
            f"{route.to} can't say how far a {route.role} lags behind",
            where=f"routes.{name}.max_lag",
            hint="remove max_lag",
        )
    try:
        more = entry.fresh(route.max_lag.seconds)
    except SpecError as error:
        error.where = f"routes.{name}.max_lag"
        raise
    backends = tuple(
        replace(one, check=replace(one.check, says=(*one.check.says, *more)))
        for one in entry.backends
    )
    return replace(entry, backends=backends)


def _check_doors(lanes: tuple[Lane, ...]) -> None:
    """Ports that were left out are known only now."""
    known: dict[tuple[str, int], str] = {}
    for lane in lanes:
        other = known.setdefault((lane.address, lane.port), lane.name)
        if other != lane.name:
            raise SpecError(
                "route/same-port",
                f"{other} and {lane.name} both come in at port {lane.port}",
                where=f"routes.{lane.name}",
                hint="give one another port, or a vip of its own",
            )
