"""What this machine remembers of a target between runs: seats and systems. A guess, never truth."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from opsctl.targets.hosts import wire
from opsctl.workload import Seat


class Cache:
    """One JSON file. What can't be read counts as empty; what can't be written is let go."""

    def __init__(self, folder: Path, environment: str, target: str):
        self.path = folder / f"{environment}-{target}-hosts.json"

    def read(self) -> tuple[dict[str, str], dict[str, tuple[Seat, ...]]]:
        """(system by host, seats by service)."""
        try:
            kept: dict[str, Any] = json.loads(self.path.read_text())
            seats: dict[str, list[Seat]] = {}
            for entry in kept["seats"]:
                _, service, seat = wire.seat_in(entry)
                seats.setdefault(service, []).append(seat)
            return dict(kept["systems"]), {name: tuple(found) for name, found in seats.items()}
        except (OSError, ValueError, KeyError, TypeError):
            return {}, {}

    def write(self, systems: Mapping[str, str], seats: Mapping[str, tuple[Seat, ...]]) -> None:
        entries = [wire.seat_out(name, seat) for name, several in seats.items() for seat in several]
        text = json.dumps({"systems": dict(systems), "seats": entries}, indent=1)
        if self._same(text):
            return
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(text)
            draft.replace(self.path)
        except OSError:
            with suppress(OSError):
                draft.unlink()

    def _same(self, text: str) -> bool:
        try:
            return self.path.read_text() == text
        except OSError:
            return False
