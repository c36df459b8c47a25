"""A runbook: what to read, what to do and whom to call when an alert fires; one page of Markdown.

Its commands stand in fenced blocks, one a line, with {{ label }} for what the alert fires with.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SECTIONS = ("Meaning", "Impact", "Diagnose", "Act", "Verify", "Escalate")
"""In this order. Commands in Diagnose and Verify only read; each in Act shows its plan first."""

READING = (
    ("status",), ("logs",), ("history",), ("drift",), ("plan",), ("preflight",), ("graph",),
    ("validate",), ("lock", "show"), ("backup", "list"), ("alerts", "list"), ("alerts", "test"),
    ("alerts", "lint"), ("connect",), ("cert", "list"),
)  # fmt: skip
"""How commands begin that change nothing. What is said to a console is for the page's author."""

_HOLE = re.compile(r"\{\{\s*([a-z_][a-z0-9_]*)\s*\}\}")
_HEAD = re.compile(r"^## +(.+?) *$", re.MULTILINE)
_FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a fenced block. `missing` are labels that it needs and nobody gave."""

    line: str
    missing: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Its words, without the first, which is opsctl's own name."""
        return tuple(shlex.split(self.line))[1:]

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return any(self.words[: len(begin)] == begin for begin in READING)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a runbook: its prose with the commands left out, and these."""

    title: str
    prose: str
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Runbook:
    """`text` is the whole page, as far as labels are known."""

    alert: str
    text: str
    sections: tuple[Section, ...]


def runbook(alert: str, page: str, labels: Mapping[str, str]) -> Runbook:
    """The page with labels filled in; one that nobody gave stays {{ label }}."""
    text = _HOLE.sub(lambda hole: labels.get(hole[1], hole[0]), page)
    return Runbook(alert, text, tuple(_sections(text)))


def wanted(page: str) -> frozenset[str]:
    """The labels that it speaks of."""
    return frozenset(_HOLE.findall(page))


def _sections(text: str) -> Iterator[Section]:
    pieces = _HEAD.split(text)
    for title, body in zip(pieces[1::2], pieces[2::2], strict=True):
        prose = re.sub(r"\n{3,}", "\n\n", _FENCE.sub("", body)).strip()
        yield Section(title, prose, tuple(_commands(body)))


def _commands(body: str) -> Iterator[Command]:
    for block in _FENCE.findall(body):
        for line in block.splitlines():
            if line.strip():
                yield Command(line.strip(), tuple(sorted(set(_HOLE.findall(line)))))
