"""Names, labels and addresses: what all builders agree on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from opsctl.errors import OpsError
from opsctl.model import Kubernetes
from opsctl.workload import (
    AddressRef,
    CertRef,
    FileRef,
    Group,
    Kernel,
    Member,
    Ref,
    Seat,
    SecretRef,
    Text,
    Workload,
)

Manifest: TypeAlias = dict[str, Any]

CONFIG: Final = "/etc/opsctl"
RUN: Final = "/run/opsctl"
STORE: Final = "/var/lib/opsctl"  # where the member's volume is mounted
DATA: Final = "/var/lib/opsctl/data"  # below it: a volume's own root may hold lost+found
BACKUPS: Final = "/var/lib/opsctl-backup"
NODE: Final = "/host"  # where an agent finds its node's file systems
SOURCES: Final = "/opsctl/files"  # ConfigMap and Secret as they are

STARTED_WITH: Final = "opsctl.dev/started-with"
OWN: Final = "@OWN@"  # the pod replaces it by its own address when it starts
_MANAGED_BY: Final = {"app.kubernetes.io/managed-by": "opsctl"}


@dataclass(frozen=True, slots=True)
class Site:
    """A namespace that a target builds one environment in. `agents`: the one for what has to do
    with nodes themselves, see `agents.py`."""

    target: str
    environment: str
    namespace: str
    options: Kubernetes
    agents: bool = False

    @property
    def where(self) -> str:
        return f"{self.target}/{self.namespace}"

    def host(self, member: str) -> str:
        """The name of a member's Service; it resolves in every namespace of the cluster."""
        return f"{member}.{self.namespace}.svc"

    def address(self, ref: AddressRef) -> str:
        """A name, or the token that the pod replaces by the Service's address when it starts."""
        if not ref.member:
            return OWN
        return f"@ADDRESS:{ref.member}@" if ref.form == "ip" else self.host(ref.member)

    def called(self, ref: CertRef) -> CertRef:
        """By names alone: who is asked for by one may be anywhere."""
        return ref.called(lambda one: self.host(one.member))

    def known(self, part: AddressRef | FileRef | CertRef) -> str:
        """What stands for a reference that is no secret."""
        if isinstance(part, AddressRef):
            return self.address(part)
        if isinstance(part, CertRef):
            return f"‹{part.what} {part.name}›"
        raise OpsError(
            "kubernetes/file-reference",
            "a file can't hold the content of another file; only a query can",
            where=part.path,
        )

    def masked(self, text: Text) -> str:
        """The text with secrets by name only."""

        def shown(part: Ref) -> str:
            if not isinstance(part, SecretRef):
                return self.known(part)
            form = "" if part.form == "plain" else f"{part.form} of "
            return f"‹{form}secret {part.name}›"

        return text.fill(shown)

    def metadata(self, name: str, labels: Mapping[str, str]) -> Manifest:
        return {"name": name, "namespace": self.namespace, "labels": dict(labels)}


@dataclass(frozen=True, slots=True)
class Put:
    """A file that a running pod is given: what its content is made of, and the program that takes
    it in. See `puts.py`, which says how."""

    component: str
    path: str
    mode: str
    text: Text
    names: tuple[tuple[str, str], ...] = ()  # member, and the name whose address the text holds
    check: tuple[str, ...] = ()
    reload: tuple[str, ...] = ()  # () for what programs beside the server read each time


@dataclass(frozen=True, slots=True)
class Payload:
    """What apply sends: the manifest, and the texts whose secrets are filled in only then.

    `puts`: of what runs a member's pod, the files that a running pod is given without a restart.
    """

    manifest: Manifest
    texts: Mapping[str, Text] = field(default_factory=dict)  # of a Secret, by key
    masked: Mapping[str, str] = field(default_factory=dict)  # the same for people
    wishes: tuple[Kernel, ...] = ()  # to the node's kernel; no pod may set them
    seat: Seat | None = None  # whose pod it makes; None where it is nobody's alone
    puts: tuple[Put, ...] = ()


@dataclass(frozen=True, slots=True)
class Running:
    """One pod of a DaemonSet, as it should be: nothing to send. It is deleted where it was started
    with something else, and its DaemonSet makes another."""

    daemon_set: str
    node: str
    puts: tuple[Put, ...] = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """A member in its group, service and namespace."""

    site: Site
    workload: Workload
    group: Group
    member: Member

    @property
    def shared(self) -> bool:
        """Whether it stands for a whole group, whose members are alike, one on each node."""
        return self.member.seat.near_clients

    @property
    def name(self) -> str:
        return group_name(self.workload, self.group) if self.shared else self.member.name

    @property
    def account(self) -> str:
        """Of those in its group that ask the cluster who is where."""
        return group_name(self.workload, self.group)

    @property
    def selector(self) -> dict[str, str]:
        if self.shared:
            return group_selector(self.site, self.workload, self.group)
        return {
            "opsctl.dev/environment": self.site.environment,
            "opsctl.dev/member": self.name,
        }

    @property
    def labels(self) -> dict[str, str]:
        return group_labels(self.site, self.workload, self.group) | self.selector


def discovers(member: Member) -> bool:
    return any(part.discovers for part in member.components)


def proves(member: Member) -> bool:
    return any(part.certs for part in member.components)


def group_name(workload: Workload, group: Group) -> str:
    """The name of the objects that a group shares."""
    return f"{workload.service}-{group.name}"


def service_selector(site: Site, service: str) -> dict[str, str]:
    return {
        "opsctl.dev/environment": site.environment,
        "opsctl.dev/service": service,
    }


def group_selector(site: Site, workload: Workload, group: Group) -> dict[str, str]:
    return service_selector(site, workload.service) | {"opsctl.dev/group": group.name}


def group_labels(site: Site, workload: Workload, group: Group) -> dict[str, str]:
    """The labels of everything that belongs to a group, in the order people look for them."""
    return {
        "app.kubernetes.io/name": workload.engine,
        "app.kubernetes.io/instance": workload.service,
        "app.kubernetes.io/component": group.name,
        "app.kubernetes.io/part-of": site.environment,
        **_MANAGED_BY,
        **group_selector(site, workload, group),
    }


def quantity(size: int) -> str:
    """Bytes in the largest unit that says them exactly, as the cluster would write them."""
    for unit, factor in (("Gi", 1024**3), ("Mi", 1024**2), ("Ki", 1024)):
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
