"""The page beside rendered manifests: which Secrets must exist, and what is lost without opsctl."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from opsctl.planning.resource import Resource
from opsctl.targets.kubernetes.live import ENVIRONMENT
from opsctl.targets.kubernetes.site import Payload

_INTRODUCTION: Final = """\
# Manifests of {services}

Written by `opsctl render kubernetes` for the namespace `{namespace}`, without any secret value.

    kubectl create namespace {namespace}
    kubectl label namespace {namespace} pod-security.kubernetes.io/enforce=restricted
"""

# Those who look at nodes need more than services may have.
_AGENTS: Final = """\
    kubectl create namespace {namespace}
    kubectl label namespace {namespace} pod-security.kubernetes.io/enforce=privileged
"""

_APPLY: Final = """\
    kubectl apply --server-side -k .
"""

_SECRETS: Final = """\

## Secrets that must exist first

Pods wait until they are there. Each key is a whole file; put the values where a ‹secret name›
stands. Tokens such as `@ADDRESS:member@` stay: the pod fills them in when it starts.

Where a ‹certificate name› and a ‹key of secret name› stand, put what an authority of yours gave
out, and that authority's own certificate where ‹authority ...› stands. A certificate is asked for
the name of its service and, within its pod, of its member; that of a Prometheus is a client's too.
"""

_WISHES: Final = """\

## What the nodes should have

Pods may not set these; the cluster's administrator can.

| setting | value | why |
|---|---|---|
"""

_LOST: Final = """\

## What is lost without opsctl

- **Order of restarts.** Every member is a StatefulSet of its own, balancers are one DaemonSet, and
  all have the update strategy OnDelete: `kubectl apply` restarts nothing. A pod is due for a
  restart when its annotation `opsctl.dev/started-with` differs from the template that it comes
  from. Delete such pods one at a time, replicas first, the primary last and only after a
  switchover.
- **Reloads.** Files are put in place when a pod starts. What a running server could take in, such
  as a changed route, it takes in at its next start.
- **Gates.** Nobody checks before a pod goes that a quorum stays, nor afterwards that it has caught
  up. Wait for both yourself before the next one.
- **Rotation of secrets.** A changed Secret restarts nothing either.
- **Scaling in, forming again, lost members.** A removed member stays known to the others until they
  are told to forget it.
- **Backups** that the spec asks for are made by CronJobs, and old ones are forgotten. Nothing says
  that one was missed, and to list, verify and restore them is opsctl's: `sh /etc/opsctl/backup.sh`
  in the container whose name ends in `-backup` has the same verbs.
- **Volumes** outlive their StatefulSets. Nothing removes them but you.
"""


def readme(resources: Sequence[Resource]) -> str:
    """The page, in Markdown."""
    services = ", ".join(dict.fromkeys(one.service for one in resources)) or "no service"
    where = resources[0].id.where if resources else ""
    namespace = where.rpartition("/")[2]
    page = _INTRODUCTION.format(services=services, namespace=namespace)
    for other in dict.fromkeys(one.id.where for one in resources if one.id.where != where):
        page += _AGENTS.format(namespace=other.rpartition("/")[2])
    page += _APPLY
    secrets = "".join(_secrets(resources))
    wishes = "".join(sorted(_wishes(resources)))
    page += _SECRETS + secrets if secrets else ""
    page += _WISHES + wishes if wishes else ""
    return page + _LOST


def _secrets(resources: Sequence[Resource]) -> Iterator[str]:
    """A section for all Secrets that hold the same."""
    alike: dict[str, list[str]] = {}
    for one in resources:
        if one.id.kind == "Secret" and isinstance(one.payload, Payload):
            alike.setdefault(_content(one.payload), []).append(_command(one))
    for content, commands in alike.items():
        yield f"\n{''.join(commands)}\n{content}"


def _command(resource: Resource) -> str:
    namespace = resource.id.where.rpartition("/")[2]
    keys = resource.payload.texts if isinstance(resource.payload, Payload) else {}
    options = " ".join(f"--from-file={key}" for key in keys)
    name = resource.id.name
    own = {}
    if isinstance(resource.payload, Payload):
        own = resource.payload.manifest["metadata"]["labels"]
    mark = f"{ENVIRONMENT}={own.get(ENVIRONMENT, '')}"  # opsctl leaves alone what does not bear it
    return (
        f"    kubectl -n {namespace} create secret generic {name} {options}\n"
        f"    kubectl -n {namespace} label secret {name} {mark}\n"
    )


def _content(payload: Payload) -> str:
    names = dict.fromkeys(part.name for text in payload.texts.values() for part in text.derived)
    blocks = (f"\n`{key}`:\n\n```\n{text.rstrip()}\n```\n" for key, text in payload.masked.items())
    return f"Secrets in it: {', '.join(f'`{name}`' for name in names)}.\n{''.join(blocks)}"


def _wishes(resources: Sequence[Resource]) -> Iterator[str]:
    found = {
        wish for one in resources if isinstance(one.payload, Payload) for wish in one.payload.wishes
    }
    return (f"| `{wish.name}` | {wish.value} | {wish.reason} |\n" for wish in found)
