"""What this machine remembers of a namespace between runs: its members. A guess, never truth."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from opsctl.targets.kubernetes.stamping import seat_in
from opsctl.workload import Seat

Seats = Mapping[str, tuple[Seat, ...]]


class Cache:
    """One JSON file. What can't be read counts as empty; what can't be written is let go."""

    def __init__(self, folder: Path | None, environment: str, target: str) -> None:
        self._path = folder / f"{environment}-{target}-kubernetes.json" if folder else None

    def read(self) -> dict[str, tuple[Seat, ...]]:
        """Members by service."""
        try:
            kept = json.loads(self._path.read_text()) if self._path else {}
            return {
                service: tuple(seat for one in several if (seat := seat_in(json.dumps(one))))
                for service, several in kept.items()
            }
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def write(self, seats: Seats) -> None:
        """A file that says the same is left alone."""
        if self._path is None or self.read() == dict(seats):
            return
        said = {name: [asdict(seat) for seat in several] for name, several in seats.items()}
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(said, indent=1))
            draft.replace(self._path)
        except OSError:
            with suppress(OSError):
                draft.unlink()
