"""A live object against the manifest that it should come from. Pure.

Servers fill in what a manifest leaves out, and others may set what we do not: so what counts is
that everything we say is there, and that nothing more of it is ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from opsctl.targets.kubernetes.api import MANAGER
from opsctl.targets.kubernetes.quantities import same_quantity
from opsctl.targets.kubernetes.site import Manifest

Path: TypeAlias = tuple[str, ...]  # keys; an item of a list is its key as JSON, or its number

# Lists that the API merges item by item, and what tells items apart. Others are taken whole.
_KEYED: Final[Mapping[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}


@dataclass(frozen=True, slots=True)
class Touch:
    """Another manager that owns a field, and when it last wrote."""

    manager: str
    at: str  # RFC 3339, UTC

    def __str__(self) -> str:
        return f"{self.manager} ({self.at.replace('T', ' ').replace('Z', ' UTC')})"


def differences(desired: Manifest, live: Manifest) -> tuple[Path, ...]:
    """Where the live object is not as desired, what of ours is too much included."""
    return (*_missing(desired, live, ()), *_surplus(desired, _owned(live), ()))


def touched(live: Manifest, paths: Sequence[Path]) -> dict[Path, Touch]:
    """Who else owns these fields: applying them meets a conflict."""
    found: dict[Path, Touch] = {}
    for entry in (live.get("metadata") or {}).get("managedFields") or ():
        if _ours(entry) or entry.get("subresource"):
            continue
        touch = Touch(str(entry.get("manager", "another")), str(entry.get("time", "")))
        for path in paths:
            if _owns(entry.get("fieldsV1") or {}, path):
                found[path] = touch
    return found


def projected(desired: Any, live: Any) -> Any:
    """The live value as far as desired speaks of it: for showing both side by side."""
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        return {key: projected(value, live[key]) for key, value in desired.items() if key in live}
    if isinstance(desired, list) and isinstance(live, list) and len(desired) == len(live):
        return [projected(one, other) for one, other in zip(desired, live, strict=True)]
    return live


def spoken(path: Path) -> str:
    """A path in words: spec.template.spec.containers[redis].image."""
    words = ""
    for part in path:
        if part.startswith("{"):
            words += f"[{'/'.join(str(one) for one in json.loads(part).values())}]"
        elif part.isdecimal():
            words += f"[{part}]"
        else:
            words += f".{part}" if words else part
    return words


def _missing(desired: Any, live: Any, path: Path) -> Iterator[Path]:
    if isinstance(desired, Mapping):
        if not isinstance(live, Mapping):
            if desired or live is not None:
                yield path
            return
        for key, value in desired.items():
            if key in live:
                yield from _missing(value, live[key], (*path, key))
            elif value not in ({}, [], None):
                yield (*path, key)
    elif isinstance(desired, list):
        yield from _missing_items(desired, live, path)
    elif desired != live and not same_quantity(desired, live, path):
        yield path


def _missing_items(desired: list[Any], live: Any, path: Path) -> Iterator[Path]:
    if not isinstance(live, list):
        yield path
        return
    keys = _keys(path, desired)
    if keys:
        there = {_key(item, keys): item for item in live}
        for item in desired:
            key = _key(item, keys)
            if key in there:
                yield from _missing(item, there[key], (*path, key))
            else:
                yield (*path, key)
    elif len(desired) != len(live) or any(
        True for one, two in zip(desired, live, strict=True) for _ in _missing(one, two, path)
    ):
        yield path


def _keys(path: Path, items: Sequence[Any]) -> tuple[str, ...]:
    if path[-1] != "ports":
        return _KEYED.get(path[-1], ())
    if path == ("spec", "ports"):
        return ("port", "protocol")
    return ("containerPort", "protocol") if any("containerPort" in one for one in items) else ()


def _key(item: Mapping[str, Any], keys: Sequence[str]) -> str:
    found = {key: item.get(key, "TCP" if key == "protocol" else None) for key in keys}
    return json.dumps(found, sort_keys=True)


def _surplus(desired: Any, owned: Mapping[str, Any], path: Path) -> Iterator[Path]:
    """What our last apply set and would now take away."""
    for name, below in owned.items():
        kind, _, key = name.partition(":")
        if kind == "f":
            inside = desired.get(key) if isinstance(desired, Mapping) else None
            here = (*path, key)
        elif kind == "k":
            key = json.dumps(json.loads(key), sort_keys=True)
            inside = _item(desired, key)
            here = (*path, key)
        else:
            continue
        if inside is None:
            if path:  # kind and apiVersion are not fields
                yield here
        elif below:
            yield from _surplus(inside, below, here)


def _item(desired: Any, key: str) -> Any:
    wanted = json.loads(key)
    for item in desired if isinstance(desired, list) else ():
        if _key(item, tuple(wanted)) == key:
            return item
    return None


def _owned(live: Manifest) -> Mapping[str, Any]:
    for entry in (live.get("metadata") or {}).get("managedFields") or ():
        if _ours(entry):
            return entry.get("fieldsV1") or {}
    return {}


def _ours(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == MANAGER and entry.get("operation") == "Apply"


def _owns(fields: Mapping[str, Any], path: Path) -> bool:
    """Whether a manager's fields hold this path, or a whole of which it is a part."""
    for part in path:
        below = fields.get(f"f:{part}")
        if below is None and part.startswith("{"):
            below = next((value for name, value in fields.items() if _names(name, part)), None)
        if below is None:
            return False
        if not below:
            return True
        fields = below
    return True


def _names(name: str, key: str) -> bool:
    return name.startswith("k:") and json.dumps(json.loads(name[2:]), sort_keys=True) == key
