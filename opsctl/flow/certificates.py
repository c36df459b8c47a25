"""The certificates of an environment's servers: how they stand, and the turn of the authority."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from opsctl.errors import Exit, OpsError
from opsctl.flow.parts import Parts
from opsctl.flow.survey import Survey, described
from opsctl.planning.difference import difference
from opsctl.planning.resource import ResourceId
from opsctl.planning.workloads import Workloads
from opsctl.workload import AUTHORITY, Cert

SOON = 30 * 86_400  # seconds: from then on it is to be renewed


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """One certificate as it lies there. `left`: seconds until it ends, None where there is none or
    it can't be seen. `amiss`: why the next apply issues another one, "" for nothing."""

    service: str
    member: str
    component: str
    name: str  # of the secret that its key comes from
    names: tuple[str, ...] = ()
    issuer: str = ""
    ends: float | None = None
    left: float | None = None
    amiss: str = ""

    @property
    def whole_name(self) -> str:
        return f"{self.service}/{self.member}"

    @property
    def soon(self) -> bool:
        """Whether somebody should see to it."""
        return bool(self.amiss) or (self.left is not None and self.left < SOON)


@dataclass(frozen=True, slots=True)
class _Held:
    """A certificate in its place."""

    service: str
    member: str
    component: str
    cert: Cert


def certificates(parts: Parts, seen: Survey) -> tuple[CertificateStatus, ...]:
    """Those of all services, in the order of their names and members."""
    return tuple(_status(parts, seen, one) for one in _held(seen.present))


def _status(parts: Parts, seen: Survey, one: _Held) -> CertificateStatus:
    status = CertificateStatus(one.service, one.member, one.component, one.cert.name)
    kept = seen.observation.certificates.get((one.member, one.cert.name))
    if kept is None:
        return replace(status, amiss="not there, or not seen")
    found = parts.secrets.certified(kept.pem)
    if found is None:
        return replace(status, amiss=kept.amiss or "this is no certificate")
    return replace(
        status,
        names=found.names,
        issuer=found.issuer,
        ends=found.ends,
        left=found.left,
        amiss=kept.amiss,
    )


def _held(placed: Workloads) -> Iterator[_Held]:
    for service, (_, workload) in sorted(placed.items()):
        for member in workload.members():
            for component in member.components:
                for cert in component.certs:
                    yield _Held(service, member.name, component.name, cert)


def keys_of(parts: Parts, wanted: str) -> tuple[str, ...]:
    """The secrets behind the certificates of "service" or "service/member". Raises OpsError
    cert/none, spec/unknown-service."""
    service, _, member = wanted.partition("/")
    parts.service(service)
    placed, _ = described(parts)
    held = (one for one in _held(placed) if one.service == service)
    # Members on each node of a cluster have one together.
    found = tuple(dict.fromkeys(one.cert.name for one in held if member in ("", one.member)))
    if not found:
        raise OpsError(
            "cert/none",
            f"{wanted} has no certificate",
            hint="`opsctl cert list` shows who has one",
            exit=Exit.INPUT,
        )
    return found


def check_step(parts: Parts, seen: Survey) -> None:
    """Raises OpsError cert/step-open unless everybody has what the step before brought: who was not
    told of a new authority would refuse all that it issues."""
    certs = [one.cert for one in _held(seen.desired.workloads)]
    files = {path for cert in certs for path in (cert.path, cert.authority)}
    away = [f"{where} can't be seen" for where in sorted(seen.observation.unreachable)]
    behind = [*map(str, _behind(seen, files)), *away]
    used = seen.observation.generations.get(AUTHORITY, 1)
    here = parts.generations.get(AUTHORITY, 1)
    if behind or used != here:
        raise OpsError(
            "cert/step-open",
            "the step before has not reached everybody"
            if behind
            else f"{parts.lock_file} has generation {here} of the authority, the targets {used}",
            details=tuple(behind[:10]),
            hint="`opsctl apply`, then again",
            exit=Exit.REFUSED,
        )


def _behind(seen: Survey, files: set[str]) -> Iterator[ResourceId]:
    for one in seen.desired.resources:
        holds = one.proves or one.id.name in files
        if holds and difference(one, seen.observation.actual.get(one.id)):
            yield one.id
