"""Plain data that knows where each part was written, and how layers of it merge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from opsctl.errors import Place
from opsctl.model.base import Keys

Scalar: TypeAlias = str | int | float | bool | None
Plain: TypeAlias = "Scalar | list[Plain] | dict[str, Plain]"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar."""

    value: Scalar
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A list."""

    items: tuple[Node, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a table with its value; `place` is the key's."""

    node: Node
    place: Place | None = None

    def spot(self, *, key: bool = False) -> Place | None:
        """Where the value was written; its key for maps and lists, or with `key`."""
        on_key = key or not isinstance(self.node, Leaf)
        return self.place if on_key and self.place else self.node.place


@dataclass(frozen=True, slots=True)
class Table:
    """A map."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    place: Place | None = None


Node: TypeAlias = Leaf | Row | Table


def plain(node: Node) -> Plain:
    """The data alone."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Row):
        return [plain(item) for item in node.items]
    return {key: plain(entry.node) for key, entry in node.entries.items()}


def from_plain(data: Plain) -> Node:
    """Data without places, as a tree."""
    if isinstance(data, dict):
        return Table({str(key): Entry(from_plain(value)) for key, value in data.items()})
    if isinstance(data, list | tuple):
        return Row(tuple(from_plain(item) for item in data))
    return Leaf(data)


def merge(base: Node, over: Node) -> Node:
    """`over` laid upon `base`: maps merge deeply, lists replace, null deletes the key."""
    if not isinstance(over, Table):
        return over
    below = base.entries if isinstance(base, Table) else {}
    entries = dict(below)
    for key, entry in over.entries.items():
        if isinstance(entry.node, Leaf) and entry.node.value is None:
            entries.pop(key, None)
        else:
            beneath = below[key].node if key in below else Table()
            entries[key] = Entry(merge(beneath, entry.node), entry.place)
    first = base.place if isinstance(base, Table) else None
    return Table(entries, first or over.place)


def find(node: Node, keys: Keys) -> Entry | None:
    """What stands at `keys`, with its key's place; None where nothing does."""
    entry = Entry(node)
    for key in keys:
        here = entry.node
        if isinstance(here, Table) and key in here.entries:
            entry = here.entries[str(key)]
        elif isinstance(here, Row) and isinstance(key, int) and 0 <= key < len(here.items):
            entry = Entry(here.items[key])
        else:
            return None
    return entry


def put(node: Node, keys: Keys, leaf: Leaf) -> Node:
    """The tree with `leaf` at `keys`, where something stands."""
    if not keys:
        return leaf
    key, rest = keys[0], keys[1:]
    if isinstance(node, Row):
        items = (put(one, rest, leaf) if at == key else one for at, one in enumerate(node.items))
        return Row(tuple(items), node.place)
    assert isinstance(node, Table)
    entry = node.entries[str(key)]
    changed = Entry(put(entry.node, rest, leaf), entry.place)
    return Table({**node.entries, str(key): changed}, node.place)


def measure(node: Node) -> tuple[int, int]:
    """How many nodes, and how deep."""
    if isinstance(node, Leaf):
        return 1, 1
    below = node.items if isinstance(node, Row) else [entry.node for entry in node.entries.values()]
    sizes = [measure(child) for child in below]
    return 1 + sum(size for size, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)
