"""Reports of drills, kept as files at the caller: the newest is the one that people ask for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from opsctl.errors import OpsError, SpecError


@dataclass(frozen=True, slots=True)
class Reports:
    """A folder of one environment's reports. They hold no secret."""

    folder: Path

    def keep(self, name: str, text: str) -> Path:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{name}.json"
        path.write_text(text)
        return path

    def names(self) -> tuple[str, ...]:
        """Oldest first: names begin with the time."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.json")))

    def text(self, name: str = "") -> str:
        """A report by its name or the drill's id at its end; "" is the newest.

        Raises drills/no-report.
        """
        found = [one for one in self.names() if not name or one == name or one.endswith(name)]
        if not found:
            hint = "opsctl drill report --all" if self.names() else "opsctl drill run FAULT"
            raise SpecError("drills/no-report", f"there is no report {name}".rstrip(), hint=hint)
        try:
            return (self.folder / f"{found[-1]}.json").read_text()
        except OSError as error:
            raise OpsError("drills/no-report", f"{error.filename}: {error.strerror}") from None
