"""YAML text to a tree with places. Bounded, so that no input is too much; no tags, no types.

Scalars are read as YAML 1.2's core schema has it: `off`, `yes` and `on` are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from opsctl.errors import OpsErrors, Place, SpecError
from opsctl.model.tree import Entry, Leaf, Node, Row, Scalar, Table, measure

MAX_NODES = 10_000  # after aliases are expanded
MAX_DEPTH = 50
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # what ruamel counts as one
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_OCTAL, _HEX = re.compile(r"0o[0-7]{1,20}"), re.compile(r"0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,2})?")
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def parse(text: str, file: Path | str, *, column: int = 0, line: str | None = None) -> Node:
    """The tree that `text` writes; a map without keys when it is empty.

    Where `text` is only part of what the user wrote, `line` is all of it, and `text` begins
    `column` characters from its left.
    Raises OpsErrors: spec/syntax, spec/duplicate-key, spec/bomb.
    """
    composer = _Composer(text, file, column, line)
    try:
        node = composer.document()
    except MarkedYAMLError as error:
        composer.refuse_syntax(error)
    except (YAMLError, ValueError, OverflowError) as error:  # the last two: escapes beyond Unicode
        reason = str(error).splitlines()[0]
        raise OpsErrors((SpecError("spec/syntax", reason, where=str(file)),)) from None
    if composer.duplicates:
        raise OpsErrors(tuple(composer.duplicates))
    return node


def scalar(text: str) -> Scalar:
    """What an unquoted `text` means in YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        return int(text, 0)
    return text


class _Composer:
    """Builds one document's tree from ruamel's events, which carry the marks."""

    def __init__(self, text: str, file: Path | str, column: int, line: str | None) -> None:
        self.file, self.column = file, column
        self.lines = _LINE_BREAK.split(text) if line is None else [line]
        self.events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)
        self.anchors: dict[str, Node | None] = {}  # None while the anchored node is still open
        self.nodes = 0
        self.duplicates: list[SpecError] = []

    def document(self) -> Node:
        next(self.events)  # the stream's start
        start = next(self.events)
        if isinstance(start, StreamEndEvent):
            return Table()
        node = self._node(next(self.events), 1)
        next(self.events)  # the document's end
        after = next(self.events)
        if isinstance(after, DocumentStartEvent):
            self._refuse("spec/syntax", "a file holds one document", after, "remove the second ---")
        if isinstance(node, Leaf) and node.value is None:
            return Table()
        return node

    def _node(self, event: Event, depth: int) -> Node:
        self.nodes += 1
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        self._check_size(event, depth)
        assert isinstance(event, ScalarEvent | SequenceStartEvent | MappingStartEvent)
        if event.tag is not None:
            self._refuse("spec/syntax", "tags are not read here", event, "remove the tag")
        if event.anchor:
            self.anchors[event.anchor] = None
        node = self._content(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _content(self, event: Event, depth: int) -> Node:
        if isinstance(event, ScalarEvent):
            if _UNSPEAKABLE.search(event.value):
                self._refuse("spec/syntax", "control characters are not read here", event)
            value = scalar(event.value) if event.implicit[0] else event.value
            return Leaf(value, self._place(event))
        if isinstance(event, SequenceStartEvent):
            items: list[Node] = []
            while not isinstance(item := next(self.events), SequenceEndEvent):
                items.append(self._node(item, depth + 1))
            return Row(tuple(items), self._place(event))
        assert isinstance(event, MappingStartEvent)
        return self._table(event, depth)

    def _table(self, event: MappingStartEvent, depth: int) -> Table:
        entries: dict[str, Entry] = {}
        inherited: list[Table] = []
        while not isinstance(key := next(self.events), MappingEndEvent):
            self.nodes += 1
            if not isinstance(key, ScalarEvent) or not key.value or key.tag is not None:
                self._refuse("spec/syntax", "a key is a plain word", key)
            if _UNSPEAKABLE.search(key.value):
                self._refuse("spec/syntax", "control characters are not read here", key)
            value = self._node(next(self.events), depth + 1)
            if key.value == "<<" and key.implicit[0]:
                inherited += self._inherited(value, key)
            elif key.value in entries:
                self._note_duplicate(key, entries[key.value])
            else:
                entries[key.value] = Entry(value, self._place(key))
        for table in inherited:
            entries = {**table.entries, **entries}
        return Table(entries, self._place(event))

    def _inherited(self, value: Node, key: ScalarEvent) -> list[Table]:
        given = value.items if isinstance(value, Row) else (value,)
        tables = [table for table in given if isinstance(table, Table)]
        if len(tables) < len(given):
            self._refuse("spec/syntax", '"<<" takes a map, or a list of maps', key)
        return tables

    def _note_duplicate(self, key: ScalarEvent, first: Entry) -> None:
        line = first.place.line if first.place else 0
        self.duplicates.append(
            SpecError(
                "spec/duplicate-key",
                f'the key "{key.value}" stands here twice',
                where=self._place(key),
                hint=f"the first is on line {line}; keep one",
            )
        )

    def _alias(self, event: AliasEvent, depth: int) -> Node:
        if event.anchor not in self.anchors:
            self._refuse("spec/syntax", f'there is no anchor "&{event.anchor}" before this', event)
        node = self.anchors[event.anchor]
        if node is None:
            self._refuse("spec/bomb", f'"*{event.anchor}" contains itself', event)
        size, height = measure(node)
        self.nodes += size - 1
        self._check_size(event, depth + height - 1)
        return node

    def _check_size(self, event: Event, depth: int) -> None:
        if self.nodes > MAX_NODES:
            self._refuse("spec/bomb", f"more than {MAX_NODES} values, aliases expanded", event)
        if depth > MAX_DEPTH:
            self._refuse("spec/bomb", f"nested more than {MAX_DEPTH} deep", event)

    def _place(self, event: Event) -> Place:
        """The event's span on its first line."""
        start, end = event.start_mark, event.end_mark
        length = end.column - start.column if end.line == start.line else 1
        return self._at(start.line, start.column, length)

    def _at(self, line: int, column: int, length: int = 1) -> Place:
        text = self.lines[line] if line < len(self.lines) else ""
        shift = self.column if line == 0 else 0
        return Place(self.file, line + 1, column + shift + 1, max(length, 1), text)

    def _refuse(self, code: str, message: str, event: Event, hint: str = "") -> NoReturn:
        raise OpsErrors((SpecError(code, message, where=self._place(event), hint=hint),))

    def refuse_syntax(self, error: MarkedYAMLError) -> NoReturn:
        """Raises ruamel's complaint in plain words."""
        mark: StringMark | None = error.problem_mark or error.context_mark
        words = " ".join((error.problem or error.context or "this is not YAML").split())
        hint = "indent with spaces, not tabs" if "\\t" in words else ""
        if "mapping values are not allowed" in words:
            hint = 'a ":" inside a value wants quotes around the value'
        where = self._at(mark.line, mark.column) if mark else str(self.file)
        raise OpsErrors((SpecError("spec/syntax", words, where=where, hint=hint),)) from None
