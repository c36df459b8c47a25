"""Files whose text belongs to the spec. It is put where their name stands, so that a plan that was
saved, and what targets remember of a spec, need no file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opsctl.errors import OpsError, SpecError
from opsctl.model.authorities import PEM, Authority
from opsctl.model.base import Keys
from opsctl.model.environment import Environment
from opsctl.model.files import beside, text_of
from opsctl.model.services import ServiceBase
from opsctl.model.tree import Leaf, Node, Row, Table, find, plain, put
from opsctl.model.walking import step_into


def with_texts(
    tree: Node, engines: Mapping[str, type[ServiceBase]]
) -> tuple[Node, tuple[OpsError, ...]]:
    """The tree with the text of each file that it names, and what is wrong with those that have
    none: nothing stands in their place."""
    mistakes: list[OpsError] = []
    for keys in tuple(_places(tree, engines)):
        entry = find(tree, keys)
        if entry is None or not isinstance(entry.node, Leaf):
            continue
        said, place = entry.node.value, entry.node.place
        if not isinstance(said, str) or PEM in said:
            continue
        text: str | None = None
        try:
            text = text_of(beside(place, said), place)
        except SpecError as error:
            mistakes.append(error)
        tree = put(tree, keys, Leaf(text, place))
    return tree, tuple(mistakes)


def _places(tree: Node, engines: Mapping[str, type[ServiceBase]]) -> Iterator[Keys]:
    """Where names of such files may stand, as the models have it."""
    yield from _below([Environment], tree, ())
    services = find(tree, ("services",))
    entries = services.node.entries if services and isinstance(services.node, Table) else {}
    for name, entry in entries.items():
        engine = find(entry.node, ("engine",))
        known = engines.get(str(plain(engine.node))) if engine else None
        if known is not None:
            yield from _below([known], entry.node, ("services", name))


def _below(kinds: Iterable[Any], node: Node, keys: Keys) -> Iterator[Keys]:
    if isinstance(node, Leaf):
        if Authority in kinds:
            yield keys
        return
    steps: Iterable[str | int] = range(len(node.items)) if isinstance(node, Row) else node.entries
    for step in steps:
        inner = find(node, (step,))
        found = [one for kind in kinds for one in step_into(kind, step)]
        if inner and found:
            yield from _below(found, inner.node, (*keys, step))
