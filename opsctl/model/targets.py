"""Targets: where services run. Hosts (named, from an inventory, throw-away) or Kubernetes."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    model_serializer,
)

from opsctl.model.base import Model, Name, Port, Secret, problem
from opsctl.model.quantities import Duration

_ADDRESS = r"^[A-Za-z0-9_]([A-Za-z0-9_.:%-]*[A-Za-z0-9])?$"  # a name or an address; never an option


def _not_built(what: str, hint: str) -> AfterValidator:
    """Refuses a value that nothing would come of."""

    def refuse(value: object) -> object:
        if value:
            raise problem("spec/not-built", f"{what} is not built yet", hint=hint)
        return value

    return AfterValidator(refuse)


_Networks: TypeAlias = Annotated[
    dict[Name, str],
    _not_built(
        "a host with addresses in several networks",
        "leave it out: services listen at the host's address",
    ),
]
_Offline: TypeAlias = Annotated[
    str,
    _not_built(
        "installing from a folder of artifacts",
        "mirror: URL of a package mirror that the hosts reach, or proxy: URL",
    ),
]


class Ssh(Model):
    """How hosts are reached. What is left out, the user's OpenSSH configuration decides."""

    noun = "ssh"
    user: str | None = Field(None, pattern=r"^[A-Za-z0-9_][\w.@$-]*$", description="Who logs in.")
    key: str | None = Field(None, description="The private key file; `~` is the home folder.")
    port: Port | None = Field(None, description="The port of sshd.")
    become: bool | None = Field(
        None, description="Work as root through sudo. Left out: yes, unless `user` is root."
    )
    become_password: Secret | None = Field(None, description="The password sudo asks for.")
    bastion: str | None = Field(
        None,
        pattern=r"^[^-\s][^\s]*$",
        description="Jump hosts, as OpenSSH's ProxyJump has them; `key` counts there too.",
    )
    options: tuple[Annotated[str, Field(pattern=r"^[A-Za-z]+[ =].+$")], ...] = Field(
        (), description="More OpenSSH options, each as `Name=value`."
    )
    known_hosts: str | None = Field(None, description="The known_hosts file to believe.")
    connect_timeout: Duration = Field(Duration(10_000), description="How long to wait for a host.")
    parallel: int = Field(20, ge=1, le=500, description="How many hosts at once.")


class Host(Model):
    """One machine."""

    noun = "a host"
    address: str | None = Field(
        None, pattern=_ADDRESS, description="Name or IP address. Left out: the host's own name."
    )
    rack: str | None = Field(None, min_length=1, description="What fails together has one rack.")
    labels: dict[str, str] = Field({}, description="Free words to place services by.")
    networks: _Networks = Field(
        {}, description="Its addresses in further networks. Not built yet: refused."
    )
    ssh: Ssh | None = Field(None, description="Where it differs from the target's `ssh`.")


class LabHosts(Model):
    """`lab` or `lab:NAME`: throw-away hosts on this machine."""

    name: Name = "lab"

    @model_serializer
    def _written(self) -> str:
        return "lab" if self.name == "lab" else f"lab:{self.name}"


class InventoryHosts(Model):
    """The hosts of an Ansible inventory that is already there."""

    noun = "an inventory"
    inventory: str = Field(description="The inventory file, beside the spec.")
    group: str = Field("all", description="The group whose hosts are meant.")


_LabText: TypeAlias = Annotated[str, Field(pattern=r"^lab(:[a-z0-9]([a-z0-9-]*[a-z0-9])?)?$")]


def _lab(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"lab(?::(.+))?", value)
    if match is None:
        raise problem(
            "spec/value",
            f'"{value}" says no hosts',
            hint="hosts is lab, lab:NAME, a map of hosts or {inventory: FILE, group: GROUP}",
        )
    return {"name": match[1] or "lab"}


def _which_hosts(value: object) -> str:
    if isinstance(value, str | LabHosts):
        return "LabHosts"
    if isinstance(value, InventoryHosts):
        return "InventoryHosts"
    if isinstance(value, dict) and isinstance(value.get("inventory"), str):
        return "InventoryHosts"
    return "Hosts"


Hosts: TypeAlias = Annotated[
    Annotated[LabHosts, BeforeValidator(_lab, json_schema_input_type=_LabText), Tag("LabHosts")]
    | Annotated[InventoryHosts, Tag("InventoryHosts")]
    | Annotated[dict[Name, Host], Field(min_length=1), Tag("Hosts")],
    Discriminator(_which_hosts),
]


class Packages(Model):
    """How hosts get software."""

    noun = "packages"
    mirror: str | None = Field(None, description="URL of a package mirror.")
    proxy: str | None = Field(None, description="URL of an HTTP proxy.")
    offline: _Offline | None = Field(
        None, description="A folder of artifacts, for hosts without a net. Not built yet: refused."
    )
    lock_wait: Duration = Field(
        Duration(60_000), description="How long to wait for who holds a host's package lock."
    )


class HostsTarget(Model):
    """Linux hosts, reached over SSH."""

    noun = "a hosts target"
    hosts: Hosts = Field(
        description="`lab`, `lab:NAME`, a map of hosts, or an Ansible inventory and its group."
    )
    ssh: Ssh = Field(Ssh(), description="How the hosts are reached.")
    packages: Packages = Field(Packages(), description="How the hosts get software.")
    firewall: Literal["off", "check", "manage"] = Field(
        "check",
        description="Leave it, say which port a policy blocks, or besides let only members reach "
        "the ports that are theirs.",
    )
    kernel: Literal["check", "apply"] = Field(
        "check", description="Say which kernel settings engines want, or set them."
    )
    time: Literal["check", "external"] = Field(
        "check", description="Say whether the hosts' clocks are kept; external: others see to that."
    )

    @property
    def named(self) -> dict[str, Host] | None:
        """The hosts by name; None where an inventory or a lab knows them."""
        return self.hosts if isinstance(self.hosts, dict) else None


class Toleration(Model):
    """A Kubernetes toleration."""

    noun = "a toleration"
    key: str | None = Field(None, description="The taint's key; left out: every taint.")
    operator: Literal["Exists", "Equal"] = Field("Equal", description="How values compare.")
    value: str | None = Field(None, description="The taint's value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        None, description="Which effect is tolerated; left out: all."
    )
    seconds: int | None = Field(None, ge=0, description="For how long NoExecute is tolerated.")


class Kubernetes(Model):
    """A namespace of a Kubernetes cluster."""

    noun = "kubernetes"
    context: str | None = Field(None, description="The kubeconfig context; left out: the current.")
    namespace: Name | None = Field(None, description="Left out: the environment's name.")
    storage_class: str | None = Field(None, description="Left out: the cluster's default.")
    images: dict[str, str] = Field({}, description="Image by software, with tag or digest.")
    pull_secrets: tuple[str, ...] = Field((), description="Names of image pull secrets.")
    node_selector: dict[str, str] = Field({}, description="Labels that nodes must have.")
    tolerations: tuple[Toleration, ...] = Field((), description="Taints that pods put up with.")


class KubernetesTarget(Model):
    """A Kubernetes cluster, reached through its API."""

    noun = "a Kubernetes target"
    kubernetes: Kubernetes = Field(description="Which cluster and namespace, and how to use it.")


def _which_target(value: object) -> str:
    if isinstance(value, KubernetesTarget):
        return "KubernetesTarget"
    if isinstance(value, dict) and "kubernetes" in value and "hosts" not in value:
        return "KubernetesTarget"
    return "HostsTarget"


Target: TypeAlias = Annotated[
    Annotated[HostsTarget, Tag("HostsTarget")]
    | Annotated[KubernetesTarget, Tag("KubernetesTarget")],
    Discriminator(_which_target),
]
