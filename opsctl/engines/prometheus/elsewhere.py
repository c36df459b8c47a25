"""Servers that others run and that Prometheus calls: how they let it in, and who certifies them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from opsctl.engines.prometheus.jobs import password_file
from opsctl.engines.prometheus.options import ExistingAlertmanager, PrometheusService
from opsctl.model import RemoteWrite
from opsctl.workload import ConfigFile, SecretRef, Text

Server = RemoteWrite | ExistingAlertmanager
_PORTS = {"http": 80, "https": 443}


def servers(service: PrometheusService) -> tuple[Server, ...]:
    return (*service.remote_write, *service.tells)


def passwords(service: PrometheusService) -> tuple[SecretRef, ...]:
    """Those that people gave to be let in, each once."""
    refs = (_password(one) for one in servers(service))
    return tuple(dict.fromkeys(ref for ref in refs if ref is not None))


def authorities(service: PrometheusService, folder: str) -> Iterator[ConfigFile]:
    """A file for each address: Prometheus reads it anew when it has changed."""
    found: dict[str, dict[str, None]] = {}
    for one in servers(service):
        if one.ca:
            found.setdefault(_authority_file(one, folder), {})[str(one.ca)] = None
    for path, texts in found.items():
        yield ConfigFile(path, Text(tuple(texts)), effect="none")


def told(one: ExistingAlertmanager, folder: str) -> dict[str, str]:
    """One that is told of alerts, for the template."""
    parts = urlsplit(one.url)
    port = "" if parts.port else f":{_PORTS[parts.scheme]}"
    return {
        "address": f"{parts.netloc}{port}",
        "scheme": parts.scheme,
        "called": "",
        "prefix": parts.path.rstrip("/"),
        **_door(one, folder),
    }


def written(one: RemoteWrite, folder: str) -> dict[str, str]:
    """One that is sent metrics, for the template."""
    return {"url": one.url, **_door(one, folder)}


def _door(one: Server, folder: str) -> dict[str, str]:
    """Without an `authority` those of the host count."""
    ref = _password(one)
    return {
        "user": one.basic_auth.user if one.basic_auth else "",
        "password_file": password_file(folder, ref) if ref else "",
        "authority": _authority_file(one, folder) if one.ca else "",
    }


def _authority_file(one: Server, folder: str) -> str:
    parts = urlsplit(one.url)
    address = f"{parts.hostname}-{parts.port}" if parts.port else f"{parts.hostname}"
    return f"{folder}/ca-{re.sub('[^a-z0-9.-]', '-', address)}.pem"


def _password(one: Server) -> SecretRef | None:
    return SecretRef(one.basic_auth.password.secret, given=True) if one.basic_auth else None
