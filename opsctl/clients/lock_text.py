"""`opsctl.lock` as text: written by us, read from whatever people and merges made of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

from opsctl.clients.quoting import quoted
from opsctl.errors import Exit, OpsError

SCHEMA = 1
LARGEST = 1 << 20  # bytes
_HEAD = "# Written by opsctl; keep it in version control.\n"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/+-]*")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))

Resolved: TypeAlias = Mapping[str, Mapping[str, str]]
"""Target to name to what it was resolved to."""


class Sections(NamedTuple):
    """What stands in the file, below its schema."""

    opsctl: str
    packages: Resolved
    images: Resolved
    generations: Mapping[str, int]
    environment: str = ""


def write(sections: Sections) -> str:
    """The YAML, sorted, one fact per line, so that two versions compare by line."""
    lines = [f"schema: {SCHEMA}", f"opsctl: {quoted(sections.opsctl)}"]
    lines += [f"environment: {quoted(sections.environment)}"] if sections.environment else []
    for title, section in (("packages", sections.packages), ("images", sections.images)):
        lines += _section(title, {target: _block(section[target]) for target in section})
    numbers = {name: [f" {number}"] for name, number in sections.generations.items()}
    return _HEAD + "\n".join([*lines, *_section("generations", numbers)]) + "\n"


def read(content: bytes, path: Path) -> Sections:
    """What `content` says. Raises OpsError: lockfile/syntax, newer-schema, bad-value."""
    document = _document(content, path)
    _check_schema(document.pop("schema", SCHEMA if not document else None), path)
    sections = Sections(
        _text(document.pop("opsctl", ""), "opsctl", path),
        _resolved(document.pop("packages", None), "packages", path),
        _resolved(document.pop("images", None), "images", path),
        {
            name: _number(value, f"generations.{name}", path)
            for name, value in _map(document.pop("generations", None), "generations", path).items()
        },
        _text(document.pop("environment", ""), "environment", path),
    )
    for unknown in document:
        raise _bad(str(unknown), "is not known here", path)
    return sections


def _section(title: str, entries: Mapping[str, list[str]]) -> list[str]:
    if not entries:
        return [f"{title}: {{}}"]
    lines = [f"{title}:"]
    for name in sorted(entries):
        first, *more = entries[name]
        lines += [f"  {_key(name)}:{first}", *more]
    return lines


def _block(values: Mapping[str, str]) -> list[str]:
    if not values:
        return [" {}"]
    return ["", *(f"    {_key(name)}: {quoted(values[name])}" for name in sorted(values))]


def _key(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and name.lower() not in _WORDS
    return name if plain else quoted(name)


def _document(content: bytes, path: Path) -> dict[object, object]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(content) > LARGEST:
        raise refusal("syntax", "is larger than 1 MiB: that is no lock file", path)
    if re.search(rb"^(<{7}|>{7}) ", content, re.MULTILINE):
        raise refusal("syntax", "holds a merge conflict", path, "keep the greater of each number")
    try:
        document = YAML(typ="safe", pure=True).load(content.decode())
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise refusal("syntax", f"line {line}: {error.problem}", path) from None
    except (YAMLError, ValueError, RecursionError):
        raise refusal("syntax", "is not YAML", path) from None
    if not isinstance(document, dict | None):
        raise refusal("syntax", "is not a map", path)
    return document or {}


def _check_schema(schema: object, path: Path) -> None:
    if isinstance(schema, int) and schema > SCHEMA:
        raise refusal(
            "newer-schema", f"has schema {schema}, this opsctl reads {SCHEMA}", path,
            "use the opsctl that wrote it, or a newer one",
        )  # fmt: skip
    if schema != SCHEMA or isinstance(schema, bool):
        raise _bad("schema", f"is not {SCHEMA}", path)


def _resolved(value: object, title: str, path: Path) -> Resolved:
    return {
        target: {
            name: _text(text, f"{title}.{target}.{name}", path)
            for name, text in _map(entries, f"{title}.{target}", path).items()
        }
        for target, entries in _map(value, title, path).items()
    }


def _map(value: object, key: str, path: Path) -> dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise _bad(key, "is not a map of names", path)
    return value


def _text(value: object, key: str, path: Path) -> str:
    if not isinstance(value, str):
        raise _bad(key, "is not a text: put it in quotes", path)
    return value


def _number(value: object, key: str, path: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _bad(key, "is not a whole number from 1", path)
    return value


def _bad(key: str, message: str, path: Path) -> OpsError:
    return refusal("bad-value", f'"{key}" {message}', path)


def refusal(code: str, message: str, path: Path, hint: str = "") -> OpsError:
    """An error that says what to do about a file that can't be used."""
    return OpsError(
        f"lockfile/{code}", message, where=str(path), exit=Exit.INPUT,
        hint=hint or f"restore it from version control: git checkout -- {path.name}",
    )  # fmt: skip
