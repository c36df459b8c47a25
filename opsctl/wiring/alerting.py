"""The environment's own Prometheus and Alertmanager, through a tunnel to one that answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from opsctl.errors import Exit, OpsError
from opsctl.flow.parts import Parts
from opsctl.model import Alertmanager, BasicAuth, ExistingPrometheus, ServiceBase
from opsctl.planning.workloads import Workloads
from opsctl.workload import CertRef, Quiet, SecretRef

if TYPE_CHECKING:
    from opsctl.clients.alertmanager import AlertmanagerServer
    from opsctl.clients.promtool import Promtool
    from opsctl.clients.trust import Trust
    from opsctl.flow.sources import WebDoor
    from opsctl.ports.metrics import Metrics

Server = TypeVar("Server")
PATIENCE = 10.0  # seconds for one answer; a heavy query takes one


def rule_tool() -> Promtool:
    from opsctl.clients.promtool import Promtool

    return Promtool()


@dataclass(frozen=True, slots=True)
class Reached:
    """A member at the end of a tunnel, how it lets in, and how it proves that it is it."""

    url: str
    user: str
    password: str = field(repr=False)
    member: str
    trust: Trust | None


def _way(parts: Parts, door: WebDoor, port: int, password: str) -> Reached:
    from opsctl.clients.trust import Trust

    scheme, member = door.endpoint.scheme, door.seat.member
    authority = parts.secrets.certificate(CertRef()) if scheme == "https" else None
    trust = Trust(authority, member) if authority is not None else None
    return Reached(f"{scheme}://127.0.0.1:{port}", door.endpoint.user, password, member, trust)


def _elsewhere(parts: Parts, server: Alertmanager | ExistingPrometheus) -> Reached:
    """One that others run: the authority that the spec names says who it is, or this machine's."""
    from opsctl.clients.trust import Trust

    user, password = _login(parts, server.basic_auth)
    url = server.url or ""
    return Reached(url, user, password, url, Trust(server.ca) if server.ca else None)


def _said(key: str) -> str:
    """What to look at when a server that others run does not answer."""
    return (
        f"monitoring.{key} in the spec says where it is, how it lets us in and, as ca, by whom it "
        "is certified"
    )


@contextmanager
def prometheus(parts: Parts, placed: Workloads, timeout: float = PATIENCE) -> Iterator[Metrics]:
    """The one that others run, else one of the environment's own, with `timeout` seconds for an
    answer. Raises OpsError: metrics/none, metrics/away."""
    from opsctl.clients.prometheus import PrometheusServer

    def made(way: Reached, **more: str) -> PrometheusServer:
        server = PrometheusServer(
            way.url, user=way.user, password=way.password, trust=way.trust, where=way.member,
            timeout=timeout, **more,
        )  # fmt: skip
        server.now("vector(1)")
        return server

    theirs = parts.environment.prometheus
    if theirs is not None:
        yield made(_elsewhere(parts, theirs), hint=_said("prometheus"))
        return
    with _first(parts, placed, "Prometheus", lambda one: one.collects, made) as found:
        yield found


@contextmanager
def alertmanager(parts: Parts, placed: Workloads) -> Iterator[AlertmanagerServer]:
    """The one that others run, else one of the environment's own: they tell each other. Raises as
    `prometheus`."""
    from opsctl.clients.alertmanager import AlertmanagerServer

    def made(way: Reached) -> AlertmanagerServer:
        server = AlertmanagerServer(
            way.url, user=way.user, password=way.password, trust=way.trust, where=way.member
        )
        server.there()
        return server

    theirs = _alertmanager_elsewhere(parts)
    if theirs is not None:
        theirs.there()
        yield theirs
        return
    with _first(parts, placed, "Alertmanager", lambda one: one.routes_alerts, made) as found:
        yield found


def silence(parts: Parts, quiet: Quiet) -> None:
    """Tells the Alertmanager that others run, where the spec names one. Raises as `prometheus`."""
    from opsctl.running import silencing

    theirs = _alertmanager_elsewhere(parts)
    if theirs is not None:
        silencing.silence(theirs, quiet)


def _alertmanager_elsewhere(parts: Parts) -> AlertmanagerServer | None:
    from opsctl.clients.alertmanager import AlertmanagerServer

    monitoring = parts.environment.monitoring
    theirs = monitoring.alertmanager if monitoring is not None else None
    if theirs is None or not theirs.url:
        return None
    way = _elsewhere(parts, theirs)
    return AlertmanagerServer(
        way.url, user=way.user, password=way.password, trust=way.trust,
        hint=_said("alertmanager"), tunnel=False,
    )  # fmt: skip


def _login(parts: Parts, said: BasicAuth | None) -> tuple[str, str]:
    """The name and password that a server of others lets in; "" where it wants none."""
    if said is None:
        return "", ""
    secret = said.password.secret
    password = parts.secrets.value(SecretRef(secret, given=True))
    if not password:
        raise OpsError(
            "metrics/no-password",
            f'the secret "{secret}" has no value here',
            hint=f"`opsctl secrets set {secret}`",
            exit=Exit.REFUSED,
        )
    return said.user, password


@contextmanager
def _first(
    parts: Parts,
    placed: Workloads,
    noun: str,
    duty: Callable[[ServiceBase], bool],
    made: Callable[[Reached], Server],
) -> Iterator[Server]:
    """The first member that answers. Raises what the last one said, where none does."""
    from opsctl.flow.sources import web_doors

    said: OpsError | None = None
    for door in web_doors(parts, placed, duty):
        password = parts.secrets.value(door.endpoint.password)
        if password is None:
            raise OpsError(
                "secrets/no-root-key",
                f"the password of {noun} can't be known here, for want of the root key",
                hint="hand it over in OPSCTL_ROOT_KEY, or see `opsctl secrets`",
                exit=Exit.REFUSED,
            )
        with ExitStack() as stack:
            try:
                way = parts.targets[door.target].tunnel(door.seat, door.port)
                port = stack.enter_context(way)
                server = made(_way(parts, door, port, password))
            except OpsError as error:
                said = error
                continue
            yield server
            return
    raise said or OpsError(
        "metrics/none",
        f"the environment has no {noun}",
        hint="monitoring: {on: TARGET} in the spec, then `opsctl apply`",
        exit=Exit.REFUSED,
    )


@contextmanager
def if_any(
    opened: AbstractContextManager[Server],
) -> Iterator[tuple[Server | None, OpsError | None]]:
    """What is opened, or None and why it could not be."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(opened)
        except OpsError as error:
            yield None, error
        else:
            yield server, None
