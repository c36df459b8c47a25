"""The way that a pydantic error's location takes through the models and the document.

A location mixes keys of the document with tags of unions; the walk tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from opsctl.model.base import Keys
from opsctl.model.tree import Node, find


@dataclass(frozen=True, slots=True)
class Way:
    """Where the walk ended: the document's keys, the models there, the models one key above."""

    keys: Keys
    types: tuple[type[BaseModel], ...]
    owners: tuple[type[BaseModel], ...]


def walk(steps: Iterable[str | int], model: type[BaseModel], node: Node) -> Way:
    """Follows `steps` from `node`, which `model` was validated against."""
    keys: Keys = ()
    here: list[Any] = [model]
    owners: list[Any] = []
    for step in steps:
        tagged = [kind for kind in here if getattr(kind, "__name__", None) == step]
        if tagged:
            here = tagged
            continue
        inner = [found for kind in here for found in step_into(kind, step)]
        known = _models(here) and any(step in kind.model_fields for kind in _models(here))
        if inner and (known or find(node, (*keys, step)) is not None):
            keys = (*keys, step)
            owners, here = owners if isinstance(step, int) else here, inner
    return Way(keys, _models(here), _models(owners))


def alternatives(annotation: object) -> list[Any]:
    """The plain types that an annotation allows."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return alternatives(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [kind for part in get_args(annotation) for kind in alternatives(part)]
    return [annotation]


def step_into(kind: object, step: str | int) -> list[Any]:
    """The types that a value of this type may have at a key or index."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        known = kind.model_fields.get(str(step))
        return alternatives(known.annotation) if known else []
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        return alternatives(arguments[1])
    if get_origin(kind) in (tuple, list, set, frozenset) and isinstance(step, int):
        return alternatives(arguments[0])
    return []


def _models(kinds: Iterable[object]) -> tuple[type[BaseModel], ...]:
    return tuple(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
