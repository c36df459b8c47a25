"""`--set a.b.c=VALUE`: one value laid upon the spec."""

from __future__ import annotations

import re

from opsctl.errors import OpsErrors, Place, SpecError
from opsctl.model.tree import Entry, Leaf, Node, Row, Table, merge
from opsctl.model.words import did_you_mean
from opsctl.model.yaml_text import parse

_KEY = re.compile(r'"([^"]+)"|([^."=\s]+)')
_NAMED = ("targets", "services", "routes")  # maps whose keys people choose


def apply_set(tree: Node, text: str) -> Node:
    """The tree with `text` ("a.b.c=VALUE") laid upon it; a key with dots stands in quotes.

    VALUE is YAML: a scalar or a flow list or map; null deletes. A number as key means an item of
    a list that is already there. Raises OpsErrors: spec/set, spec/syntax.
    """
    path, value = _split(text)
    return _laid(tree, path, value, text, ())


def _split(text: str) -> tuple[list[tuple[str, Place]], Node]:
    file, keys, position = f"--set {text}", list[tuple[str, Place]](), 0
    while match := _KEY.match(text, position):
        key = match[1] or match[2]
        keys.append((key, Place(file, 1, position + 1, len(match[0]), text)))
        position = match.end()
        if text[position : position + 1] == "=":
            written = text[position + 1 :]
            value = parse(written, file, column=position + 1, line=text)
            return keys, Leaf(None) if value == Table() else value
        if text[position : position + 1] != ".":
            break
        position += 1
    raise _refusal("this is not KEY.KEY=VALUE", Place(file, 1, position + 1, 1, text),
                   "such as --set services.web.replicas=5")  # fmt: skip


def _laid(
    node: Node, path: list[tuple[str, Place]], value: Node, text: str, above: tuple[str, ...]
) -> Node:
    (key, place), rest = path[0], path[1:]
    if isinstance(node, Leaf):
        name = ".".join(above)
        raise _refusal(f'"{name}" is a single value and has no "{key}"', place)
    if isinstance(node, Row):
        return _laid_in_row(node, path, value, text, above)
    below = node.entries[key].node if key in node.entries else None
    if below is None and rest and len(above) == 1 and above[0] in _NAMED:
        hint = did_you_mean(key, node.entries)
        raise _refusal(f'there is no "{key}" in {above[0]}', place, hint)
    if not rest:
        return merge(node, Table({key: Entry(value, place)}, node.place))
    inner = _laid(below or Table(place=place), rest, value, text, (*above, key))
    kept = node.entries[key].place if key in node.entries else place
    return Table({**node.entries, key: Entry(inner, kept)}, node.place)


def _laid_in_row(
    node: Row, path: list[tuple[str, Place]], value: Node, text: str, above: tuple[str, ...]
) -> Node:
    (key, place), rest = path[0], path[1:]
    if not key.isdecimal() or int(key) >= len(node.items):
        name, count = ".".join(above), len(node.items)
        raise _refusal(f'"{name}" is a list; "{key}" is none of its items', place,
                       f"items are 0 to {count - 1}" if count else "the list is empty")  # fmt: skip
    index, items = int(key), list(node.items)
    items[index] = _laid(items[index], rest, value, text, (*above, key)) if rest else value
    return Row(tuple(items), node.place)


def _refusal(message: str, place: Place, hint: str = "") -> OpsErrors:
    return OpsErrors((SpecError("spec/set", message, where=place, hint=hint),))
