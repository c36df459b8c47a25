"""What stands in the way of an apply, told before it begins. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from opsctl.errors import Exit, OpsError
from opsctl.planning.observation import Problem
from opsctl.planning.resource import Actual, Resource, ResourceId
from opsctl.targets.kubernetes.live import ENVIRONMENT, Live, annotated, labels, leaving
from opsctl.targets.kubernetes.quantities import amount
from opsctl.targets.kubernetes.refusals import terminating
from opsctl.targets.kubernetes.site import Manifest, Site
from opsctl.targets.kubernetes.stamping import payload_of

OLDEST: Final = (1, 30)  # the first whose exec lets standard input end
_DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a look learned of the cluster; None where the account may not read it."""

    namespace: Manifest | None = None
    lease: Manifest | None = None
    parent: Manifest | None = None
    version: Mapping[str, Any] | None = None
    lacking: tuple[str, ...] | None = None  # permissions
    quotas: tuple[Manifest, ...] = ()
    classes: tuple[Manifest, ...] | None = field(default=None)

    @property
    def version_words(self) -> str:
        said = (self.version or {}).get("gitVersion", "")
        return f"kubernetes {said.removeprefix('v')}" if said else "kubernetes"


def problems(
    site: Site,
    facts: Facts,
    resources: Sequence[Resource],
    actual: Mapping[ResourceId, Actual],
    live: Live,
    environment_id: str,
) -> tuple[Problem, ...]:
    """Errors stop an apply, warnings do not."""
    missing = [one for one in resources if actual[one.id].attributes is None]
    kept = [one for one in missing if one.id.kind == "StatefulSet"]
    errors = (
        *_namespace(site, facts),
        *_environment(site, facts, environment_id),
        *_version(site, facts),
        *_classes(site, facts, kept, live),
    )
    warnings = (*_rights(site, facts), *_quota(site, facts, kept), *_sizes(site, resources, live))
    return (
        *(Problem(site.where, error) for error in errors),
        *(Problem(site.where, error, "warning") for error in warnings),
    )


def _namespace(site: Site, facts: Facts) -> Iterator[OpsError]:
    if facts.namespace is not None and leaving(facts.namespace):
        yield terminating(site.where)


def _environment(site: Site, facts: Facts, environment_id: str) -> Iterator[OpsError]:
    """A namespace has one environment: two would prune each other's objects."""
    if facts.parent is None:
        return
    said = (facts.parent.get("data") or {}).get("environment", "")
    if said and said != environment_id:
        name = labels(facts.parent).get(ENVIRONMENT, said)
        yield OpsError(
            "kubernetes/other-environment",
            f"the namespace belongs to the environment {name} (id {said})",
            where=site.where,
            hint="give this one a namespace of its own: targets.NAME.kubernetes.namespace",
            exit=Exit.REFUSED,
        )


def _version(site: Site, facts: Facts) -> Iterator[OpsError]:
    found = re.match(r"v(\d+)\.(\d+)", str((facts.version or {}).get("gitVersion", "")))
    if found and (int(found[1]), int(found[2])) < OLDEST:
        yield OpsError(
            "kubernetes/old-version",
            f"the cluster has Kubernetes {found[0][1:]}",
            where=site.where,
            hint=f"it needs {OLDEST[0]}.{OLDEST[1]} or newer",
            exit=Exit.REFUSED,
        )


def _classes(site: Site, facts: Facts, sets: Sequence[Resource], live: Live) -> Iterator[OpsError]:
    """Claims that no class would ever fill leave their pods waiting without a word."""
    claiming = [one for one in sets if _claims(one) and not _claimed(one, live)]
    if facts.classes is None or not claiming:
        return
    names = sorted(one["metadata"]["name"] for one in facts.classes)
    said = site.options.storage_class
    default = any(annotated(one).get(_DEFAULT) == "true" for one in facts.classes)
    there = f"there is {', '.join(names)}" if names else "there is none"
    if said and said not in names:
        words = f'there is no storage class "{said}"'
    elif said is None and not default:
        words = "no storage class is the cluster's default"
    else:
        return
    yield OpsError(
        "kubernetes/no-storage-class",
        words,
        where=site.where,
        hint=f"set targets.{site.target}.kubernetes.storage_class; {there}",
        exit=Exit.REFUSED,
    )


def _claims(resource: Resource) -> list[Manifest]:
    claims: list[Manifest] = payload_of(resource).manifest["spec"].get("volumeClaimTemplates", [])
    return claims


def _claimed(resource: Resource, live: Live) -> bool:
    """Whether the claims are there already, from an earlier life of the member."""
    names = (f"{one['metadata']['name']}-{resource.id.name}-0" for one in _claims(resource))
    return all(("PersistentVolumeClaim", name) in live.objects for name in names)


def _sizes(site: Site, resources: Sequence[Resource], live: Live) -> Iterator[OpsError]:
    """Claims outlive their StatefulSets as they are: the cluster grows none with its template."""
    for one in resources:
        for claim in _claims(one) if one.id.kind == "StatefulSet" else ():
            name, wanted = f"{claim['metadata']['name']}-{one.id.name}-0", _size(claim)
            has = _size(live.objects.get(("PersistentVolumeClaim", name), claim))
            if (amount(has) or 0) < (amount(wanted) or 0):
                yield OpsError(
                    "kubernetes/claim-size",
                    f"the claim {name} asks for {has}, the spec for {wanted}",
                    where=site.where,
                    hint="opsctl grows none; where its storage class can: kubectl -n "
                    f"{site.namespace} patch pvc {name} -p "
                    f'\'{{"spec":{{"resources":{{"requests":{{"storage":"{wanted}"}}}}}}}}\'',
                )


def _size(claim: Manifest) -> str:
    return str(claim["spec"]["resources"]["requests"]["storage"])


def _rights(site: Site, facts: Facts) -> Iterator[OpsError]:
    if facts.lacking:
        yield OpsError(
            "kubernetes/rights",
            f"this account may not do all that an apply needs: {', '.join(facts.lacking[:8])}"
            + (f" and {len(facts.lacking) - 8} more" if len(facts.lacking) > 8 else ""),
            where=site.where,
            hint="opsctl render rbac prints the rules; looking alone needs fewer",
        )


def _quota(site: Site, facts: Facts, sets: Sequence[Resource]) -> Iterator[OpsError]:
    """Pods are refused long after their StatefulSet was taken: what will not fit is said now."""
    needed = _needed(sets)
    for quota in facts.quotas:
        status = quota.get("status") or {}
        used = status.get("used") or {}
        for name, hard in (status.get("hard") or {}).items():
            want, limit, have = needed.get(name), amount(hard), amount(used.get(name, "0"))
            if want and limit is not None and have is not None and have + want > limit:
                yield OpsError(
                    "kubernetes/quota",
                    f"the quota {quota['metadata']['name']} allows {name} {hard}, "
                    f"{used.get(name, '0')} is used and {want.normalize():f} more is needed",
                    where=site.where,
                    hint="ask for a larger quota, or let the spec want less",
                )


def _needed(sets: Sequence[Resource]) -> dict[str, Decimal]:
    """What the pods of these StatefulSets count for, by a quota's names."""
    found: dict[str, Decimal] = {}

    def add(name: str, value: object) -> None:
        found[name] = found.get(name, Decimal(0)) + (amount(value) or Decimal(0))

    for one in sets:
        add("pods", "1")
        spec = payload_of(one).manifest["spec"]["template"]["spec"]
        for container in spec["containers"]:
            for sort, values in (container.get("resources") or {}).items():
                for name, value in values.items():
                    add(f"{sort}.{name}", value)
                    if sort == "requests":
                        add(name, value)
        for claim in _claims(one):
            add("persistentvolumeclaims", "1")
            add("requests.storage", claim["spec"]["resources"]["requests"]["storage"])
    return found
