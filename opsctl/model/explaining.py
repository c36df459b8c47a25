"""What pydantic found, in plain words, with the place where it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from opsctl.errors import Place, SpecError
from opsctl.model.base import Keys, Model
from opsctl.model.tree import Entry, Leaf, Node, Table, find
from opsctl.model.walking import walk
from opsctl.model.words import did_you_mean

_WANTED = {
    "int": "a whole number", "float": "a number", "string": "a text", "bool": "true or false",
    "dict": "a map", "model": "a map", "dataclass": "a map", "list": "a list", "tuple": "a list",
    "set": "a list", "frozen_set": "a list", "none_required": "nothing",
}  # fmt: skip
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"), "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"), "less_than": ("lt", "less than"),
}  # fmt: skip


def explain(
    error: ValidationError, model: type[BaseModel], tree: Node, prefix: Keys = ()
) -> Iterator[SpecError]:
    """Each mistake as a SpecError. `model` was validated against what stands at `prefix`."""
    start = find(tree, prefix) or Entry(tree)
    every = [
        _Found(detail, model, start, tree, prefix) for detail in error.errors(include_url=False)
    ]
    wanted: dict[Keys, list[str]] = {}
    for found in every:
        kind = found.wanted()
        if kind is not None:
            wanted.setdefault(found.keys, []).append(kind)
        elif not any(found.follows_from(other) for other in every):
            yield found.error()
    for keys, kinds in wanted.items():
        yield _wrong_type(keys, kinds, tree)


def where(tree: Node, keys: Keys, *, key: bool = False) -> Place | str:
    """The place of the value at `keys` (of its key for maps and lists), else the nearest above."""
    for end in range(len(keys), 0, -1):
        entry = find(tree, keys[:end])
        place = entry.spot(key=key or end < len(keys)) if entry is not None else None
        if place is not None:
            return place
    return tree.place or ".".join(str(key) for key in keys)


def _wrong_type(keys: Keys, kinds: list[str], tree: Node) -> SpecError:
    entry = find(tree, keys)
    given = entry.node if entry else Leaf(None)
    names = list(dict.fromkeys(kinds))
    if "a number" in names and "a whole number" in names:
        names.remove("a whole number")
    words = ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else names[0]
    hint = ""
    if "a text" in names and isinstance(given, Leaf):
        place = given.place
        text = place.text[place.column - 1 :][: place.length] if place else str(given.value)
        hint = f'quote it: "{text}"'
    return SpecError(
        "spec/wrong-type",
        f"{_called(keys)} wants {words}, not {_shown(given)}",
        where=where(tree, keys),
        hint=hint,
    )


def _shown(node: Node) -> str:
    if isinstance(node, Table):
        return "a map"
    if not isinstance(node, Leaf):
        return "a list"
    if isinstance(node.value, bool):
        return str(node.value).lower()
    return f'the text "{node.value}"' if isinstance(node.value, str) else str(node.value)


def _called(keys: Keys) -> str:
    """The part in words: its key, or what list it is an item of."""
    names = [key for key in keys if isinstance(key, str)]
    if not names:
        return "the spec"
    return f'an item of "{names[-1]}"' if isinstance(keys[-1], int) else f'"{names[-1]}"'


class _Found:
    """One of pydantic's errors, with the way to it through the document and the models."""

    def __init__(
        self, detail: ErrorDetails, model: type[BaseModel], start: Entry, tree: Node, prefix: Keys
    ) -> None:
        self.detail, self.tree = detail, tree
        self.kind: str = detail["type"]
        loc = detail["loc"]
        self.about_key = bool(loc) and loc[-1] == "[key]"
        steps = loc[:-1] if self.about_key else loc
        leaf = steps[-1:] if self.kind in ("missing", "extra_forbidden") else ()
        steps = steps[: len(steps) - len(leaf)]
        self.way = walk(steps, model, start.node)
        self.parent: Keys = prefix + self.way.keys
        self.keys: Keys = self.parent + leaf

    def wanted(self) -> str | None:
        """What kind of value was wanted, if that is what is wrong."""
        for ending in ("_type", "_parsing", "_from_float"):
            if self.kind.endswith(ending):
                return _WANTED.get(self.kind.removesuffix(ending), "something else")
        return _WANTED.get(self.kind)

    def follows_from(self, other: _Found) -> bool:
        """Whether the other mistake explains this one, so that it need not be said."""
        if self.kind == "missing":  # the key is there, but misspelt
            near = did_you_mean(str(other.keys[-1:]), [str(self.keys[-1:])], listing=False)
            return other.kind == "extra_forbidden" and other.parent == self.parent and bool(near)
        if self.kind == "too_short":  # pydantic counts only the items that are right
            above = other.keys[: len(self.keys)] == self.keys
            return above and len(other.keys) > len(self.keys)
        return self.kind == "default_factory_not_called"

    def error(self) -> SpecError:
        code, message, hint = self._said()
        if self.kind == "missing":
            spot = where(self.tree, self.parent, key=True)
        else:
            keys = self.keys + tuple(self.context.get("keys", ()))
            about_key = self.about_key or self.kind == "extra_forbidden"
            spot = where(self.tree, keys, key=about_key)
        return SpecError(code, message, where=spot, hint=hint)

    @property
    def context(self) -> dict[str, Any]:
        return self.detail.get("ctx", {})

    def _said(self) -> tuple[str, str, str]:
        context, name = self.context, str(self.keys[-1]) if self.keys else ""
        called = _called(self.keys)
        if self.kind.startswith("spec/"):
            return self.kind, context["said"], context["hint"]
        if self.kind == "extra_forbidden":
            hint = did_you_mean(name, _fields(self.way.types))
            return "spec/unknown-key", f'{self._noun()} has no key "{name}"', hint
        if self.kind == "missing":
            return "spec/missing-key", f'{self._noun()} needs the key "{name}"', self._meaning()
        if self.kind in _BOUNDS:
            key, words = _BOUNDS[self.kind]
            return "spec/value", f"{called} must be {words} {context[key]:g}", ""
        if self.kind in ("literal_error", "enum"):
            return self._not_one_of(called)
        if self.kind in ("too_short", "string_too_short"):
            return "spec/value", f"{called} is empty", ""
        if self.kind == "string_pattern_mismatch":
            return "spec/value", f'{called} can\'t be "{self.detail["input"]}"', self._meaning()
        message = self.detail["msg"].removeprefix("Value error, ")
        return "spec/value", f"{called}: {message[:1].lower()}{message[1:]}", self._meaning()

    def _not_one_of(self, called: str) -> tuple[str, str, str]:
        known = str(self.context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        given = self.detail["input"]
        choice = ", ".join(known[:-1]) + " or " + known[-1] if len(known) > 1 else known[0]
        shown = f'"{given}"' if isinstance(given, str) else str(given)
        hint = did_you_mean(str(given), known, listing=False)
        return "spec/value", f"{called} is {choice}, not {shown}", hint

    def _noun(self) -> str:
        if len(self.parent) == 2 and self.parent[0] == "services":
            engine = find(self.tree, (*self.parent, "engine"))
            if engine is not None and isinstance(engine.node, Leaf):
                return f"a {engine.node.value} service"
            return "a service"
        nouns = [kind.noun for kind in self.way.types if issubclass(kind, Model) and kind.noun]
        return nouns[0] if nouns else _called(self.parent)

    def _meaning(self) -> str:
        """The description of the key at fault."""
        names = [key for key in self.keys if isinstance(key, str)]
        for kind in self.way.types if self.kind == "missing" else self.way.owners:
            known = kind.model_fields.get(names[-1] if names else "")
            if known is not None and known.description:
                return f"{names[-1]}: {known.description}"
        return ""


def _fields(types: Iterable[type[BaseModel]]) -> list[str]:
    return [name for kind in types for name in kind.model_fields]
