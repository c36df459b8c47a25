"""`opsctl.lock`: what was resolved, beside the spec and under version control.

Only `opsctl upgrade` raises versions in it, and only `opsctl secrets rotate` raises a generation.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Self

from opsctl.clients.files import write_atomically
from opsctl.errors import Exit, OpsError

NAME = "opsctl.lock"
SCHEMA = 1
_SECTIONS = ("packages", "images", "generations")
_HEAD = "# Written by opsctl; keep it in version control.\n"
_LARGEST = 1 << 20  # bytes
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/+-]*")
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))

Resolved = Mapping[str, Mapping[str, str]]
"""Target to name to what it was resolved to."""

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LockFile:
    """`opsctl` is the version that wrote it last; an empty one has "" there.

    packages: target to package to version; images: target to image to reference with digest;
    generations: derived secret to generation (absent: 1).
    """

    opsctl: str = ""
    packages: Resolved = field(default_factory=dict)
    images: Resolved = field(default_factory=dict)
    generations: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What stands in the file; an empty one when it is not there.

        Raises OpsError (exit 2): lockfile/unreadable, lockfile/syntax, lockfile/newer-schema,
        lockfile/bad-value.
        """
        try:
            with path.open("rb") as file:
                content = file.read(_LARGEST + 1)
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise _refusal("unreadable", f"can't be read: {error.strerror}", path) from None
        if len(content) > _LARGEST:
            raise _refusal("syntax", "is larger than 1 MiB: that is no lock file", path)
        return cls(**_sections(_document(content, path), path))

    def merged(
        self,
        opsctl: str,
        *,
        packages: Resolved | None = None,
        images: Resolved | None = None,
        generations: Mapping[str, int] | None = None,
    ) -> LockFile:
        """With these laid over, written by that version of opsctl. Itself when nothing changes.

        A generation never falls: the greater one stays.
        """
        known = self.generations
        raised = {name: max(known.get(name, 1), n) for name, n in (generations or {}).items()}
        after = replace(
            self,
            packages=_laid_over(self.packages, packages or {}),
            images=_laid_over(self.images, images or {}),
            generations={**known, **raised},
        )
        return self if after == self else replace(after, opsctl=opsctl)

    def save(self, path: Path) -> bool:
        """Writes the file atomically; False when it stood so already.

        Raises OpsError lockfile/unwritable.
        """
        text = self.text().encode()
        mode = 0o644
        try:
            if path.exists():
                if path.read_bytes() == text:
                    return False
                mode = stat.S_IMODE(path.stat().st_mode)
            write_atomically(path, text, mode)
        except OSError as error:
            raise OpsError(
                "lockfile/unwritable", f"can't be written: {error.strerror}", where=str(path),
                hint=f"ls -ld {path.parent} {path}",
            ) from None  # fmt: skip
        return True

    def text(self) -> str:
        """The YAML, sorted, one fact per line, so that two versions compare by line."""
        lines = [f"schema: {SCHEMA}", f"opsctl: {json.dumps(self.opsctl)}"]
        for title in ("packages", "images"):
            section: Resolved = getattr(self, title)
            lines += _section(title, {target: _block(section[target]) for target in section})
        numbers = {name: [f" {number}"] for name, number in self.generations.items()}
        return _HEAD + "\n".join([*lines, *_section("generations", numbers)]) + "\n"


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
    return ["", *(f"    {_key(name)}: {json.dumps(values[name])}" for name in sorted(values))]


def _key(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and name.lower() not in _WORDS
    return name if plain else json.dumps(name)


def _laid_over(below: Resolved, above: Resolved) -> Resolved:
    return {
        target: {**below.get(target, _NONE), **above.get(target, _NONE)}
        for target in (*below, *above)
    }


def _document(content: bytes, path: Path) -> dict[object, object]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if re.search(rb"^(<{7}|>{7}) ", content, re.MULTILINE):
        raise _refusal("syntax", "holds a merge conflict", path, "keep the greater of each number")
    try:
        document = YAML(typ="safe", pure=True).load(content.decode())
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _refusal("syntax", f"line {line}: {error.problem}", path) from None
    except (YAMLError, ValueError, RecursionError):
        raise _refusal("syntax", "is not YAML", path) from None
    if not isinstance(document, dict | None):
        raise _refusal("syntax", "is not a map", path)
    return document or {"schema": SCHEMA}


def _sections(document: dict[object, object], path: Path) -> dict[str, object]:
    schema = document.pop("schema", None)
    if isinstance(schema, int) and schema > SCHEMA:
        raise _refusal(
            "newer-schema", f"has schema {schema}, this opsctl reads {SCHEMA}", path,
            "use the opsctl that wrote it, or a newer one",
        )  # fmt: skip
    if schema != SCHEMA or isinstance(schema, bool):
        raise _bad("schema", f"is not {SCHEMA}", path)
    sections: dict[str, object] = {"opsctl": _text(document.pop("opsctl", ""), "opsctl", path)}
    for title in ("packages", "images"):
        targets = _map(document.pop(title, None), title, path)
        sections[title] = {
            target: {
                name: _text(value, f"{title}.{target}.{name}", path)
                for name, value in _map(entries, f"{title}.{target}", path).items()
            }
            for target, entries in targets.items()
        }
    numbers = _map(document.pop("generations", None), "generations", path)
    sections["generations"] = {
        name: _number(value, f"generations.{name}", path) for name, value in numbers.items()
    }
    for unknown in document:
        raise _bad(str(unknown), "is not known here", path)
    return sections


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
    return _refusal("bad-value", f'"{key}" {message}', path)


def _refusal(code: str, message: str, path: Path, hint: str = "") -> OpsError:
    return OpsError(
        f"lockfile/{code}", message, where=str(path), exit=Exit.INPUT,
        hint=hint or f"restore it from version control: git checkout -- {path.name}",
    )  # fmt: skip
