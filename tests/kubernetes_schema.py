"""A strict reader of manifests, after the models that the `kubernetes` package generates.

Its own deserialiser passes over fields it does not know, which is how a misspelt one gets lost. So
this walks the models itself: every key must be one, every value of the type that the field has, and
every required field there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from kubernetes.client import models

_PRIMITIVES: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "bool": bool,
    "float": (int, float),
    "datetime": str,
    "object": object,
}


def mistakes(manifest: dict[str, Any]) -> list[str]:
    """What is wrong with a manifest, each with the way to it; empty when nothing is."""
    group, _, version = str(manifest["apiVersion"]).rpartition("/")
    name = version.capitalize() + str(manifest["kind"])
    if not hasattr(models, name):
        return [f"no model is known of {group or 'core'}/{version} {manifest['kind']}"]
    return list(_check(manifest, name, str(manifest["kind"])))


@cache
def _shape(kind: str) -> tuple[str, str]:
    """What a type's words are around, and that; ("", kind) for a type alone."""
    found = re.fullmatch(r"(Optional|List|Dict)\[(?:\w+, )?(.*)\]", kind)
    return (found[1], found[2]) if found else ("", kind)


def _check(value: Any, kind: str, way: str) -> Iterator[str]:
    shape, inner = _shape(kind)
    if shape == "Optional":
        yield from _check(value, inner, way)
    elif shape == "List":
        yield from _check_list(value, inner, way)
    elif shape == "Dict":
        yield from _check_map(value, inner, way)
    elif kind in _PRIMITIVES:
        wanted = _PRIMITIVES[kind]
        if not isinstance(value, wanted) or (kind == "int" and isinstance(value, bool)):
            yield f"{way}: {value!r} is no {kind}"
    else:
        yield from _check_model(value, getattr(models, kind), way)


def _check_list(value: Any, kind: str, way: str) -> Iterator[str]:
    if not isinstance(value, list | tuple):
        yield f"{way}: {value!r} is no list"
        return
    for index, entry in enumerate(value):
        yield from _check(entry, kind, f"{way}[{index}]")


def _check_map(value: Any, kind: str, way: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{way}: {value!r} is no map"
        return
    for key, entry in value.items():
        yield from _check(entry, kind, f"{way}.{key}")


def _check_model(value: Any, model: Any, way: str) -> Iterator[str]:
    if not isinstance(value, dict):
        # Quantities and numbers-or-names are models of a single value, without named fields.
        if getattr(model, "attribute_map", None):
            yield f"{way}: {value!r} is no {model.__name__}"
        return
    fields = {key: name for name, key in model.attribute_map.items()}
    for key, entry in value.items():
        if key in fields:
            yield from _check(entry, model.openapi_types[fields[key]], f"{way}.{key}")
        else:
            yield f"{way}.{key}: {model.__name__} has no such field"
    for name, field in model.model_fields.items():
        if field.is_required() and model.attribute_map[name] not in value:
            yield f"{way}.{model.attribute_map[name]}: is required"
