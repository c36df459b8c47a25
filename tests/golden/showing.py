"""Values as text that a reviewer can read: workloads as they were said, resources by place."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from opsctl.planning.resource import Resource
from opsctl.targets.kubernetes.yaml_text import yaml_text
from opsctl.workload import AddressRef, CertRef, FileRef, Ref, SecretRef, Text, Workload

Golden = Callable[[Path, Mapping[str, str]], None]
"""Takes a folder and the texts that should be in it, by path."""


def workload_text(workload: Workload) -> str:
    """The whole description. What is as by default is left out; functions are shown by name."""
    return yaml_text(_plain(workload))


def resources_by_place(resources: Sequence[Resource]) -> dict[str, str]:
    """For each place its resources in their order, as one text."""
    places: dict[str, str] = {}
    for one in resources:
        places[one.id.where] = places.get(one.id.where, "") + "---\n" + yaml_text(_resource(one))
    return places


def _resource(one: Resource) -> dict[str, Any]:
    known = {
        "kind": one.id.kind,
        "name": one.id.name,
        "service": one.service,
        "member": one.member,
        "desired": dict(one.desired),
        "impact": {key: impact.words for key, impact in one.impact.items()},
        "loss": one.loss,
        "protected": one.protected,
        "needs": [f"{need.kind} {need.name}" for need in one.needs],
        "text": one.text,
    }
    return {key: value for key, value in known.items() if value not in ("", {}, [], False)}


def _plain(value: object) -> Any:
    if isinstance(value, Text):
        return value.fill(_reference)
    if isinstance(value, SecretRef | AddressRef | FileRef | CertRef):
        return _reference(value)
    if dataclasses.is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) != _default(field)
        }
    return _plain_container(value)


def _plain_container(value: object) -> Any:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return sorted(_plain(entry) for entry in value)
    if callable(value):
        inner = getattr(value, "func", value)  # of a functools.partial
        return f"‹function {getattr(inner, '__qualname__', type(inner).__qualname__)}›"
    if isinstance(value, float) and value == math.trunc(value):
        return int(value)
    return value


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _reference(part: Ref) -> str:
    if isinstance(part, CertRef):
        names = ", ".join(one if isinstance(one, str) else _reference(one) for one in part.names)
        return f"‹{part.what} {part.name}{f' for {names}' if names else ''}›"
    if isinstance(part, SecretRef):
        given = " given" if part.given else ""
        return f"‹secret {part.name}{'' if part.form == 'plain' else ' ' + part.form}{given}›"
    if isinstance(part, AddressRef):
        return f"‹address {part.member} {part.form}›"
    return f"‹file {part.path}›"
