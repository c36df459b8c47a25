"""What was measured, in one JSON file: of every page the last time that it was seen."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = Path(__file__).resolve().parents[1] / "results" / "pages.json"


def _today() -> str:
    return time.strftime("%Y-%m-%d")


def _machine() -> str:
    return f"{os.cpu_count()} cores, Linux {platform.release()}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A page that was told. `told`: seconds from its fault to the webhook; `over`: from the end of
    the fault to the word that it is over, None where nobody waited for that."""

    alert: str
    fault: str
    told: float
    over: float | None
    date: str = field(default_factory=_today)
    machine: str = field(default_factory=_machine)


class Book:
    """Every page, written down as soon as it was seen."""

    def __init__(self, file: Path) -> None:
        self._file = file
        rows = json.loads(file.read_text()) if file.exists() else []
        self._seen = {one.alert: one for one in (Seen(**row) for row in rows)}

    @property
    def seen(self) -> Sequence[Seen]:
        return tuple(self._seen.values())

    def add(self, seen: Seen) -> None:
        self._seen[seen.alert] = seen
        rows = ",\n".join(json.dumps(asdict(self._seen[name])) for name in sorted(self._seen))
        draft = self._file.with_suffix(".new")
        draft.write_text(f"[\n{rows}\n]\n")
        draft.replace(self._file)
