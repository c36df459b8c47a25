"""The data source that dashboards ask: one of the environment's own Prometheus servers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from opsctl.flow.parts import Parts
from opsctl.flow.survey import described
from opsctl.monitoring.dashboards.provisioning import source_name, source_uid
from opsctl.ports.grafana import Source
from opsctl.workload import Endpoint, Seat


@dataclass(frozen=True, slots=True)
class Collector:
    """One member that collects metrics, where it is, and how it lets people in."""

    target: str
    seat: Seat
    endpoint: Endpoint

    @property
    def port(self) -> int:
        return self.seat.ports[self.endpoint.port]


def collectors(parts: Parts) -> Iterator[Collector]:
    """Those of the environment, as it was last seen from here."""
    workloads, _ = described(parts)
    for name, (target, workload) in sorted(workloads.items()):
        if parts.environment.services[name].collects:
            for endpoint in workload.endpoints:
                if endpoint.scheme == "http":
                    yield Collector(target, workload.member(endpoint.member).seat, endpoint)


def own_source(parts: Parts) -> Source | None:
    """The first of those that collect metrics, as Grafana reaches it; None where there is none, or
    where its password can't be known here."""
    for one in collectors(parts):
        password = parts.secrets.value(one.endpoint.password)
        if not password:
            return None
        return Source(
            uid=source_uid(parts.environment),
            name=source_name(parts.environment),
            url=_url(parts, one),
            user=one.endpoint.user,
            mark=_mark(parts.secrets.key, password),
            password=password,
        )
    return None


def door(parts: Parts) -> tuple[str, str]:
    """The URL of the first, and the user that it lets in; "" where there is none."""
    return next(((_url(parts, one), one.endpoint.user) for one in collectors(parts)), ("", ""))


def _url(parts: Parts, one: Collector) -> str:
    return f"{one.endpoint.scheme}://{parts.targets[one.target].address(one.seat)}:{one.port}"


def _mark(key: bytes | None, password: str) -> str:
    """Changes with the password and tells nothing of it."""
    return hmac.new(key, password.encode(), hashlib.sha256).hexdigest()[:16] if key else ""
