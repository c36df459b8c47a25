"""Golden files: the whole of what comes out, kept beside what went in."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from showing import Golden

_SHOWN = 200  # lines of difference


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares texts by path with the files of a folder: none may differ, be missing or be extra.

    With --update-golden it writes them instead.
    """
    return _write if request.config.getoption("--update-golden") else _compare


def _compare(folder: Path, texts: Mapping[str, str]) -> None:
    found = _read(folder)
    lines = [
        line
        for name in sorted({*found, *texts})
        if found.get(name) != texts.get(name)
        for line in _difference(name, found.get(name, ""), texts.get(name, ""))
    ]
    if set(found) != set(texts) or lines:
        missing, extra = sorted(set(found) - set(texts)), sorted(set(texts) - set(found))
        pytest.fail(
            f"{folder.name} is not as expected (no longer made: {missing}, new: {extra})\n"
            + "\n".join(lines[:_SHOWN])
            + "\nIf that is meant: pytest tests/golden --update-golden, and read the diff.",
            pytrace=False,
        )


def _difference(name: str, expected: str, actual: str) -> Iterator[str]:
    return difflib.unified_diff(
        expected.splitlines(),
        actual.splitlines(),
        f"expected {name}",
        f"actual {name}",
        lineterm="",
    )


def _read(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in files}


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name in set(_read(folder)) - set(texts):
        (folder / name).unlink()
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
