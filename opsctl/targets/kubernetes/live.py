"""What the cluster listed: our objects, the pods that they keep, names that others have taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from opsctl.targets.kubernetes.site import STARTED_WITH, Manifest

ENVIRONMENT: Final = "opsctl.dev/environment"
SERVICE: Final = "opsctl.dev/service"
MEMBER: Final = "opsctl.dev/member"
KEPT: Final = "opsctl.dev/kept"  # on what opsctl notes down: journal, revision, maintenance

Name = tuple[str, str]  # kind, name


@dataclass(frozen=True, slots=True)
class Live:
    """`objects` bear our environment's label; of `taken` only metadata is known. `kept`: pods by
    the object that keeps them, less those that are on their way out."""

    objects: Mapping[Name, Manifest] = field(default_factory=dict)
    taken: Mapping[Name, Manifest] = field(default_factory=dict)
    kept: Mapping[Name, tuple[Manifest, ...]] = field(default_factory=dict)

    def pods(self, kind: str, name: str, node: str = "") -> tuple[Manifest, ...]:
        """The pods that an object keeps, on one node or on all."""
        mine = self.kept.get((kind, name), ())
        return tuple(pod for pod in mine if node in ("", (pod.get("spec") or {}).get("nodeName")))


def gathered(objects: Mapping[Name, Manifest], taken: Mapping[Name, Manifest]) -> Live:
    """What was listed, pods sorted by their keepers."""
    kept: dict[Name, tuple[Manifest, ...]] = {}
    for (kind, _), thing in objects.items():
        if kind == "Pod" and not leaving(thing):
            kept[keeper(thing)] = (*kept.get(keeper(thing), ()), thing)
    return Live(objects, taken, kept)


def keeper(pod: Manifest) -> Name:
    """The object that keeps a pod; ("", "") for one that nobody keeps."""
    for owner in pod["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return owner["kind"], owner["name"]
    return "", ""


def leaving(thing: Manifest) -> bool:
    return bool(thing["metadata"].get("deletionTimestamp"))


def labels(thing: Manifest) -> Mapping[str, str]:
    return thing["metadata"].get("labels") or {}


def annotated(thing: Manifest) -> Mapping[str, str]:
    return thing["metadata"].get("annotations") or {}


def started_with(pod: Manifest) -> str:
    return annotated(pod).get(STARTED_WITH, "")


def named(kind: str, things: Iterable[Manifest]) -> dict[Name, Manifest]:
    """A list's items by name; each gets the kind that lists leave out."""
    return {(kind, one["metadata"]["name"]): {**one, "kind": kind} for one in things}
