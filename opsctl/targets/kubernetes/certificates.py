"""Certificates as they lie in Secrets, against those that are wanted. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence

from opsctl.planning.observation import Kept
from opsctl.ports.secrets import Secrets
from opsctl.targets.certificates import judged
from opsctl.targets.kubernetes.live import Live
from opsctl.targets.kubernetes.site import Placed, Site
from opsctl.targets.kubernetes.sources import key_of
from opsctl.workload import Cert, Workload


def certificates(
    site: Site, live: Live, workloads: Sequence[Workload], secrets: Secrets
) -> Mapping[tuple[str, str], Kept]:
    """Those that are in this namespace, by member and name. Members on each node have one together,
    and each is told to have it."""
    return {
        (placed.member.name, cert.name): judged(
            secrets, pem, secrets.certificate(site.called(cert.ref))
        )
        for placed, cert in _held(site, workloads)
        if (pem := _lying(live, placed, cert)) is not None
    }


def _held(site: Site, workloads: Sequence[Workload]) -> Iterator[tuple[Placed, Cert]]:
    for workload in workloads:
        for group in workload.groups:
            for member in group.members:
                for component in member.components:
                    for cert in component.certs:
                        yield Placed(site, workload, group, member), cert


def _lying(live: Live, placed: Placed, cert: Cert) -> str | None:
    data: Mapping[str, str] = live.objects.get(("Secret", placed.name), {}).get("data") or {}
    held = data.get(key_of(cert.path))
    return base64.b64decode(held).decode(errors="replace") if held is not None else None
