"""From live objects to what planning compares, and whose they are. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from opsctl.planning.resource import Actual, Owned, Resource, ResourceId
from opsctl.targets.kubernetes.comparing import Path, Touch, differences, projected, spoken, touched
from opsctl.targets.kubernetes.fingerprints import digest
from opsctl.targets.kubernetes.live import (
    ENVIRONMENT,
    KEPT,
    MEMBER,
    SERVICE,
    Live,
    Name,
    annotated,
    labels,
    started_with,
)
from opsctl.targets.kubernetes.resources import MANIFEST, POD
from opsctl.targets.kubernetes.seats import near_name
from opsctl.targets.kubernetes.site import STARTED_WITH, Manifest, Payload, Running, Site
from opsctl.targets.kubernetes.stamping import (
    MARK,
    PART_OF,
    RUNS,
    SEAT,
    payload_of,
    seat_in,
    stamped,
)
from opsctl.targets.kubernetes.yaml_text import yaml_text
from opsctl.workload import Seat

_TEMPLATE: Final = ("spec", "template")
_CLAIM: Final = "PersistentVolumeClaim"


@dataclass(frozen=True, slots=True)
class Reader:
    """`key` is that of fingerprints, None without the root key. `force`: fields that others have
    set are taken over."""

    site: Site
    live: Live
    key: bytes | None = None
    force: bool = False

    def actual(self, resource: Resource) -> Actual:
        """What is there of a resource."""
        if isinstance(resource.payload, Running):
            pods = self.live.pods("DaemonSet", resource.payload.daemon_set, resource.payload.node)
            return Actual(resource.id, self._running(resource, pods) if pods else None)
        name = (resource.id.kind, resource.id.name)
        live = self.live.objects.get(name)
        if live is None:
            return Actual(resource.id, None, foreign=self._foreign(name))
        wanted = _whole(resource, self.site.namespace)
        paths = differences(wanted, live)
        found = self._attributes(resource, live, paths)
        same = all(v is None or found.get(name) == v for name, v in resource.desired.items())
        if same and not paths:
            return Actual(resource.id, found)
        others = touched(live, paths)
        shown = _shown(resource, live, found, others)
        return Actual(resource.id, found, shown, "" if self.force else _claimed(others))

    def _attributes(
        self, resource: Resource, live: Manifest, paths: Sequence[Path]
    ) -> dict[str, str]:
        grouped: dict[str, list[Path]] = {name: [] for name in resource.desired}
        for path in paths:
            grouped[_attribute(path, resource)].append(path)
        found = {
            name: value if value is not None and not grouped[name] else _other(live, grouped[name])
            for name, value in resource.desired.items()
        }
        if resource.id.kind == "Secret":
            found |= self._secret_values(resource, live)
        if resource.id.kind in RUNS:
            # What a DaemonSet's pods have taken in is told of each by itself.
            alone = resource.id.kind == "StatefulSet"
            pods = self.live.pods("StatefulSet", resource.id.name) if alone else ()
            template = live["spec"]["template"]
            running = self._running(resource, (template, *pods))
            found |= {name: has for name, has in running.items() if has != resource.desired[name]}
        return found

    def _secret_values(self, resource: Resource, live: Manifest) -> dict[str, str]:
        data: Mapping[str, str] = live.get("data") or {}
        return {
            name: self._keyed(base64.b64decode(data[name])) if name in data else ""
            for name in payload_of(resource).texts
        }

    def _keyed(self, value: bytes) -> str:
        """As `fingerprints.keyed` makes it of one text."""
        if self.key is None:
            return ""
        return hmac.new(self.key, hashlib.sha256(value).digest(), hashlib.sha256).hexdigest()

    def _running(self, resource: Resource, pods: Sequence[Manifest]) -> dict[str, str]:
        """By attribute: as desired where every pod has it, else what one has instead."""
        found: dict[str, str] = {}
        for name, value in resource.desired.items():
            if name == MANIFEST or value is None:
                continue
            seen = [self._has(pod, name, resource) for pod in pods]
            found[name] = next((one for one in seen if one not in ("", value)), value)
        return found

    def _has(self, pod: Manifest, name: str, resource: Resource) -> str:
        """What a pod has of an attribute; "" where it does not say: it was not made by us."""
        if name != POD:
            return annotated(pod).get(f"{MARK}{name}", "")
        wanted = _started(resource)
        if not wanted or started_with(pod) in ("", wanted):
            return ""
        return started_with(pod)

    def _foreign(self, name: Name) -> str:
        """Why a name is not free."""
        taken = self.live.taken.get(name)
        if taken is None:
            return ""
        owner = labels(taken).get(ENVIRONMENT)
        if owner:
            return f"it belongs to the environment {owner}"
        by = labels(taken).get("app.kubernetes.io/managed-by")
        whose = f": {by} keeps it" if by else ""
        return f"an object of that name is there and is not opsctl's{whose}"

    def owned(self, wanted: frozenset[ResourceId]) -> Iterator[Owned]:
        """What bears our labels and what nobody else keeps; a claim whose member stays is that
        member's own, and one that a job keeps its copies on is nobody's to remove."""
        staying = {one.name for one in wanted if one.kind in RUNS}
        for (kind, name), thing in self.live.objects.items():
            said = labels(thing)
            if kind == "Pod" or KEPT in said or SERVICE not in said:
                continue
            member = said.get(MEMBER, "")
            if kind == _CLAIM and member in staying:
                continue
            if kind != _CLAIM and thing["metadata"].get("ownerReferences"):
                continue
            loss = f"the data of {member} ({_size(thing)})" if kind == _CLAIM else ""
            yield Owned(ResourceId(kind, self.site.where, name), said[SERVICE], member, loss)

    def seats(self) -> dict[str, tuple[Seat, ...]]:
        """The members that are there, by service, in the order of group and ordinal."""
        found: dict[str, list[Seat]] = {}
        for (kind, name), thing in self.live.objects.items():
            seat = seat_in(annotated(thing).get(SEAT, "")) if kind in RUNS else None
            if seat is not None and SERVICE in labels(thing):
                mine = found.setdefault(labels(thing)[SERVICE], [])
                mine += self._near(seat, name) if seat.near_clients else [seat]
        return {
            service: tuple(sorted(several, key=lambda seat: (seat.group, seat.ordinal, seat.node)))
            for service, several in sorted(found.items())
        }

    def _near(self, seat: Seat, daemon_set: str) -> list[Seat]:
        """One on each node where its DaemonSet has a pod."""
        pods = self.live.pods("DaemonSet", daemon_set)
        nodes = {str((pod.get("spec") or {}).get("nodeName") or "") for pod in pods} - {""}
        return [replace(seat, member=near_name(seat.member, one), node=one) for one in nodes]


def _whole(resource: Resource, namespace: str) -> Manifest:
    """What should be there, a Secret's keys with it: their values are compared apart."""
    payload: Payload = payload_of(resource)
    wanted = stamped(resource, namespace)
    wanted = {key: value for key, value in wanted.items() if key not in ("apiVersion", "kind")}
    metadata = {k: v for k, v in wanted["metadata"].items() if k not in ("name", "namespace")}
    wanted["metadata"] = metadata
    if payload.texts:
        wanted["data"] = dict.fromkeys(payload.texts, _ANY)
    return wanted


class _Any:
    """Equal to every value."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


_ANY: Final = _Any()


def _attribute(path: Path, resource: Resource) -> str:
    """Whose business a path is. A mark of ours on a template restarts nothing by itself."""
    if path[:1] == ("data",) and len(path) > 1 and path[1] in resource.desired:
        return path[1]
    if path[:2] == _TEMPLATE and POD in resource.desired and not _is_mark(path):
        return POD
    return MANIFEST


def _is_mark(path: Path) -> bool:
    return path[-2:-1] == ("annotations",) and path[-1].startswith(MARK)


def _other(live: Manifest, paths: Sequence[Path]) -> str:
    """A fingerprint of what is there instead."""
    return digest([[list(path), _at(live, path)] for path in paths]) if paths else ""


def _at(live: Any, path: Path) -> Any:
    for part in path:
        if not isinstance(live, Mapping):
            return live
        live = live.get(part)
    return live


def _started(resource: Resource) -> str:
    if isinstance(resource.payload, Running):
        return str(resource.desired.get(POD) or "")
    template = payload_of(resource).manifest["spec"]["template"]
    return str(annotated(template).get(STARTED_WITH, ""))


def _shown(
    resource: Resource, live: Manifest, found: Mapping[str, str], others: Mapping[Path, Touch]
) -> str:
    """The live object as far as a manifest speaks, for a line diff; what it does not speak of
    stands above: who changed what, and that our marks are missing."""
    payload = payload_of(resource)
    manifest = payload.manifest
    kept = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"]}
    seen = projected(manifest, {**live, **kept})
    if payload.texts:
        same = {name for name in payload.texts if found.get(name) == resource.desired.get(name)}
        data = live.get("data") or {}
        seen["stringData"] = {
            name: text if name in same else "‹other content›"
            for name, text in payload.masked.items()
            if name in data
        }
    notes = [f"{spoken(path)}: changed by {touch}" for path, touch in sorted(others.items())]
    if PART_OF not in labels(live) and manifest["kind"] != _CLAIM:
        notes.append("without the labels of opsctl's ownership")
    return "".join(f"# {note}\n" for note in notes) + yaml_text(seen)


def _claimed(others: Mapping[Path, Touch]) -> str:
    """Who has set fields that opsctl wants, in words; "" where nobody has."""
    if not others:
        return ""
    words = "; ".join(f"{touch} has set {spoken(path)}" for path, touch in sorted(others.items()))
    return f"{words}: give it up there, or take it over with --force-conflicts"


def _size(claim: Manifest) -> str:
    requests = ((claim.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return str(requests.get("storage", "of unknown size"))
