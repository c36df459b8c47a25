"""Native settings: which exist, what a change costs, how the server itself writes them.

Values are compared with what CONFIG GET shows, so each is brought into that form first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from opsctl.engines.redis.flavour import Flavour, Version
from opsctl.engines.redis.settings_table import TABLE

Word = str | int | float | bool
Value = Word | tuple[Word, ...]

UNKNOWN_DEFAULT = "?"
_UNITS = {
    "": 1, "b": 1, "k": 1000, "kb": 1024, "m": 1000**2, "mb": 1024**2, "g": 1000**3, "gb": 1024**3,
}  # fmt: skip
_BUFFER_CLASSES = ("normal", "slave", "pubsub")
_EVENT_CLASSES = "g$lshzxetd"  # what A stands for; n K E m are never part of it


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. `words` are the values allowed where the kind is "word"."""

    name: str
    kind: str
    effect: Literal["live", "restart"]
    default: str
    availability: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def offered(self, flavour: Flavour, version: Version) -> bool:
        """Whether that version of that server knows it."""
        return not self.availability or any(
            _fits(word, flavour, version) for word in self.availability
        )

    def line(self, value: str) -> str:
        """A value as a configuration file has it; some take several arguments."""
        return value if self.kind in ("save", "buffers", "words") and value else quoted(value)

    def normal(self, value: Value) -> str:
        """The value as CONFIG GET shows it; ValueError says in words what was wanted."""
        text = _plain(value)
        return _NORMAL[self.kind](self, text)


def quoted(value: str) -> str:
    """A word as the client and configuration files read it."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _fits(word: str, flavour: Flavour, version: Version) -> bool:
    if word == "v8":
        return flavour.name == "valkey"
    if word == "r7.2":
        return flavour.name == "valkey" or version >= (7, 2)
    if flavour.name != "redis":
        return False
    return {"redis": True, "redis7": version < (8, 0), "redis8": version >= (8, 0)}[word]


def _plain(value: Value) -> str:
    if isinstance(value, tuple):
        return " ".join(_plain(word) for word in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())


def _bool(setting: Setting, text: str) -> str:
    if text not in ("yes", "no"):
        raise ValueError(f'{setting.name} is yes or no, not "{text}"')
    return text


def _int(setting: Setting, text: str) -> str:
    if re.fullmatch(r"-?\d{1,18}", text) is None:
        raise ValueError(f'{setting.name} wants a whole number, not "{text}"')
    return str(int(text))


def memory(setting: Setting, text: str) -> str:
    """Bytes: k is 1000 and kb 1024, as the server reads them."""
    match = re.fullmatch(r"(\d{1,18})([a-z]{0,2})", text.lower())
    if match is None or match[2] not in _UNITS:
        raise ValueError(f'{setting.name} wants a size such as 64mb, not "{text}"')
    return str(int(match[1]) * _UNITS[match[2]])


def _share(setting: Setting, text: str) -> str:
    if re.fullmatch(r"\d{1,3}%", text):
        return f"{int(text[:-1])}%"
    return memory(setting, text)


def _word(setting: Setting, text: str) -> str:
    if text.lower() not in setting.words:
        raise ValueError(f'{setting.name} is one of {", ".join(setting.words)}, not "{text}"')
    return text.lower()


def _text(_: Setting, text: str) -> str:
    return text


def _save(setting: Setting, text: str) -> str:
    words = text.split()
    if len(words) % 2 or not all(word.isdecimal() for word in words):
        raise ValueError(f'{setting.name} wants pairs "SECONDS CHANGES", not "{text}"')
    return " ".join(str(int(word)) for word in words)


def _buffers(setting: Setting, text: str) -> str:
    """All three classes; those that are not named keep the server's default."""
    words = setting.default.split()
    limits = {words[at]: words[at + 1 : at + 4] for at in range(0, 12, 4)}
    given = text.split()
    if not given or len(given) % 4:
        raise ValueError(f'{setting.name} wants "CLASS HARD SOFT SECONDS", not "{text}"')
    for at in range(0, len(given), 4):
        name = "slave" if given[at] == "replica" else given[at]
        if name not in limits:
            raise ValueError(f'{setting.name} has no class "{name}": normal, replica, pubsub')
        sizes = [memory(setting, size) for size in given[at + 1 : at + 3]]
        limits[name] = [*sizes, _int(setting, given[at + 3])]
    return " ".join(f"{name} {' '.join(limits[name])}" for name in _BUFFER_CLASSES)


def _events(setting: Setting, text: str) -> str:
    """The flags in the server's order; beside A it does not show n."""
    unknown = set(text) - set(_EVENT_CLASSES + "AKEmn")
    if unknown:
        raise ValueError(f'{setting.name} has no class "{min(unknown)}"')
    every = "A" in text or set(_EVENT_CLASSES) <= set(text)
    classes = "A" if every else "".join(flag for flag in f"{_EVENT_CLASSES}n" if flag in text)
    return classes + "".join(flag for flag in "KEm" if flag in text)


_NORMAL = {
    "bool": _bool, "int": _int, "memory": memory, "share": _share, "word": _word, "text": _text,
    "words": _text, "save": _save, "buffers": _buffers, "events": _events,
}  # fmt: skip


def _read(row: str) -> Setting:
    name, kind, effect, default, availability = row.split("|")
    known = kind in _NORMAL
    return Setting(
        name=name,
        kind=kind if known else "word",
        effect="restart" if effect == "restart" else "live",
        default=default,
        availability=tuple(availability.split()),
        words=() if known else tuple(kind.split()),
    )


SETTINGS: Mapping[str, Setting] = {
    setting.name: setting for setting in map(_read, TABLE.strip().splitlines())
}
