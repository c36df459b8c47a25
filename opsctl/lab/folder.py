"""A lab's state folder: where everything of it lies, and lab.json, its record."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from opsctl.errors import OpsError
from opsctl.lab.spec import Node, Subnet

RUN = Path("/run/opsctl-lab")  # locks, and what was changed on the machine; empty after its boot
FORMAT = 1


def state_root(given: Path | None = None) -> Path:
    """The folder that holds the labs' folders: given, or $OPSCTL_LAB_STATE, or the default."""
    return (given or Path(os.environ.get("OPSCTL_LAB_STATE") or "/var/lib/opsctl-lab")).absolute()


def cache_root() -> Path:
    """Where base images and downloaded packages are kept from one lab to the next."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("OPSCTL_CACHE") or Path(base) / "opsctl").absolute()


@dataclass(frozen=True, slots=True)
class Record:
    """What lab.json says. It is written before anything else is made, so down() can read it."""

    name: str
    index: int
    nodes: tuple[Node, ...]
    packages: tuple[str, ...]
    disk_mib: int
    data_mib: int

    tag: str  # the folder's; not in lab.json
    nested: bool = False  # the hosts run containers themselves

    @property
    def subnet(self) -> Subnet:
        return Subnet(self.index, self.tag)


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths below one lab's state folder."""

    path: Path

    @property
    def tag(self) -> str:
        """A short name that no other folder of this machine has; in names of bridge and cgroup."""
        return hashlib.sha256(str(self.path).encode()).hexdigest()[:8]

    @property
    def lock(self) -> Path:
        return RUN / f"{self.path.name}-{self.tag}.lock"

    @property
    def key(self) -> Path:
        return self.path / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.path / "known_hosts"

    @property
    def password(self) -> Path:
        return self.path / "ops-password"

    @property
    def faults(self) -> Path:
        return self.path / "faults"

    @property
    def share(self) -> Path:
        """What hosts that run containers see, read-only, as /opt/lab."""
        return self.path / "share"

    def debs(self, system: str) -> Path:
        """An overlay layer with packages downloaded before; not changed while the lab exists."""
        return self.path / f"debs-{system}"

    def host(self, name: str) -> Path:
        return self.path / "hosts" / name

    def check(self) -> None:
        """Overlay options have no quoting, so paths with other characters are refused."""
        if not re.fullmatch(r"[\w./+-]+", str(self.path)):
            raise OpsError(
                "lab/folder",
                "the path holds characters that overlayfs can't take",
                where=str(self.path),
                hint="set OPSCTL_LAB_STATE to a plain path",
            )

    def load(self) -> Record | None:
        """The record, or None when none was written. Raises lab/record when it can't be read."""
        try:
            raw = json.loads((self.path / "lab.json").read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise self._broken(error) from error
        try:
            return Record(
                raw["name"],
                raw["index"],
                tuple(Node(**node) for node in raw["nodes"]),
                tuple(raw["packages"]),
                raw["disk_mib"],
                raw["data_mib"],
                self.tag,
                raw.get("nested", False),
            )
        except (KeyError, TypeError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> OpsError:
        return OpsError(
            "lab/record",
            f"can't be read: {error!r}",
            where=str(self.path / "lab.json"),
            hint="opsctl lab down",
        )

    def save(self, record: Record) -> None:
        """Replace lab.json in one step."""
        self.path.mkdir(parents=True, exist_ok=True)
        draft = self.path / "lab.json.new"
        values = {"format": FORMAT, **asdict(record)}
        del values["tag"]
        draft.write_text(json.dumps(values, indent=1))
        draft.replace(self.path / "lab.json")
