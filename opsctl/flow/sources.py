"""Where an environment's own Prometheus and Alertmanager let people in, and the data source that
dashboards ask."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from opsctl.flow.parts import Parts
from opsctl.flow.survey import described
from opsctl.model import ServiceBase
from opsctl.monitoring.dashboards.provisioning import source_name, source_uid
from opsctl.planning.workloads import Workloads
from opsctl.ports.grafana import Source
from opsctl.workload import CertRef, Endpoint, Seat


@dataclass(frozen=True, slots=True)
class WebDoor:
    """One member that is asked over HTTP, where it is, and how it lets people in."""

    target: str
    seat: Seat
    endpoint: Endpoint

    @property
    def port(self) -> int:
        return self.seat.ports[self.endpoint.port]


def web_doors(
    parts: Parts,
    placed: Workloads,
    duty: Callable[[ServiceBase], bool],
) -> Iterator[WebDoor]:
    """Those of all services with this duty."""
    for name, (target, workload) in sorted(placed.items()):
        if duty(parts.environment.services[name]):
            for endpoint in workload.endpoints:
                if endpoint.scheme in ("http", "https"):
                    yield WebDoor(target, workload.member(endpoint.member).seat, endpoint)


def collectors(parts: Parts) -> Iterator[WebDoor]:
    """Those that collect metrics, as the environment was last seen from here."""
    placed, _ = described(parts)
    return web_doors(parts, placed, lambda service: service.collects)


def own_source(parts: Parts) -> Source | None:
    """The first of those that collect metrics, as Grafana reaches it; None where there is none, or
    where its password can't be known here."""
    for one in collectors(parts):
        password = parts.secrets.value(one.endpoint.password)
        if not password:
            return None
        authority = _authority(parts, one)
        return Source(
            uid=source_uid(parts.environment),
            name=source_name(parts.environment),
            url=_url(parts, one),
            user=one.endpoint.user,
            mark=_mark(parts.secrets.key, password + authority),
            password=password,
            authority=authority,
        )
    return None


def door(parts: Parts) -> tuple[str, str, str]:
    """The URL of the first, the user that it lets in, and the certificate that it is known by; ""
    where there is none. One that others run comes before."""
    theirs = parts.environment.prometheus
    if theirs is not None:
        login = theirs.basic_auth
        return theirs.url, login.user if login else "", theirs.ca or ""
    for one in collectors(parts):
        return _url(parts, one), one.endpoint.user, _authority(parts, one)
    return "", "", ""


def _authority(parts: Parts, one: WebDoor) -> str:
    return (parts.secrets.certificate(CertRef()) or "") if one.endpoint.scheme == "https" else ""


def _url(parts: Parts, one: WebDoor) -> str:
    return f"{one.endpoint.scheme}://{parts.targets[one.target].address(one.seat)}:{one.port}"


def _mark(key: bytes | None, hidden: str) -> str:
    """Changes with what goes in and never comes out, and tells nothing of it."""
    return hmac.new(key, hidden.encode(), hashlib.sha256).hexdigest()[:16] if key else ""
