"""The only module here that reads files."""

from __future__ import annotations

from pathlib import Path

from opsctl.errors import OpsErrors, Place, SpecError
from opsctl.model.tree import Node
from opsctl.model.words import did_you_mean
from opsctl.model.yaml_text import parse

MAX_BYTES = 1024 * 1024
MAX_NAMED = 64 * 1024  # bytes of a file that a spec names: its text travels with the spec


def read(path: Path) -> Node:
    """The tree of one file.

    Raises OpsErrors: spec/not-found, spec/unreadable, spec/bomb (over 1 MiB), spec/syntax,
    spec/duplicate-key.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _refusal("spec/not-found", path, "there is no such file", _nearby(path)) from None
    except OSError as error:
        reason = error.strerror or "it can't be read"
        raise _refusal("spec/unreadable", path, f"can't be read: {reason.lower()}") from None
    if len(raw) > MAX_BYTES:
        raise _refusal("spec/bomb", path, "a spec has at most 1 MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _refusal("spec/syntax", path, f"line {line} is not UTF-8 text") from None
    return parse(text, path)


def beside(place: Place | None, path: str) -> Path:
    """`path`, which stands at `place`: `~` expanded, else beside that file."""
    base = place.file.parent if place and isinstance(place.file, Path) else Path()
    return base / Path(path).expanduser()


def text_of(path: Path, place: Place | None) -> str:
    """The text of a file that is named at `place`; what is no UTF-8 is replaced.

    Raises SpecError: spec/not-found, spec/unreadable, spec/bomb (over 64 KiB).
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_NAMED + 1)
    except FileNotFoundError:
        raise SpecError("spec/not-found", f"there is no file {path}", where=place) from None
    except OSError as error:
        reason = (error.strerror or "it can't be read").lower()
        raise SpecError("spec/unreadable", f"{path}: {reason}", where=place) from None
    if len(raw) > MAX_NAMED:
        raise SpecError("spec/bomb", f"{path} has more than 64 KiB", where=place)
    return raw.decode("utf-8-sig", errors="replace")


def _refusal(code: str, path: Path, message: str, hint: str = "") -> OpsErrors:
    return OpsErrors((SpecError(code, message, where=str(path), hint=hint),))


def _nearby(path: Path) -> str:
    """A hint: a file of about that name, or how to begin."""
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    there = [file.name for file in path.parent.iterdir() if file.suffix in (".yaml", ".yml")]
    return did_you_mean(path.name, there) or "`opsctl init` starts a spec"
