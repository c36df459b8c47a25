"""The data source that dashboards ask: one of the environment's own Prometheus servers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

from opsctl.flow.parts import Parts
from opsctl.flow.survey import described
from opsctl.monitoring.dashboards.provisioning import source_name, source_uid
from opsctl.ports.grafana import Source
from opsctl.workload import Endpoint


def own_source(parts: Parts) -> Source | None:
    """The first of those that collect metrics, as Grafana reaches it; None where there is none, or
    where its password can't be known here."""
    environment = parts.environment
    for url, endpoint in _doors(parts):
        password = parts.secrets.value(endpoint.password)
        if not password:
            return None
        return Source(
            uid=source_uid(environment),
            name=source_name(environment),
            url=url,
            user=endpoint.user,
            mark=_mark(parts.secrets.key, password),
            password=password,
        )
    return None


def _doors(parts: Parts) -> Iterator[tuple[str, Endpoint]]:
    """Where each of them is, without its password."""
    workloads, _ = described(parts)
    for name, (target, workload) in sorted(workloads.items()):
        if not parts.environment.services[name].collects:
            continue
        for endpoint in workload.endpoints:
            if endpoint.scheme in ("http", "https"):
                seat = workload.member(endpoint.member).seat
                host = parts.targets[target].address(seat)
                yield f"{endpoint.scheme}://{host}:{seat.ports[endpoint.port]}", endpoint


def door(parts: Parts) -> tuple[str, str]:
    """The URL of the first, and the user that it lets in; "" where there is none."""
    return next(((url, endpoint.user) for url, endpoint in _doors(parts)), ("", ""))


def _mark(key: bytes | None, password: str) -> str:
    """Changes with the password and tells nothing of it."""
    return hmac.new(key or b"", password.encode(), hashlib.sha256).hexdigest()[:16] if key else ""
