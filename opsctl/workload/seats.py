"""Where members sit: decided by the target before engines speak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Seat:
    """One member's place. Directories are absolute, as the member's own processes see them."""

    member: str  # "sessions-0"; ordinals count from 0 on every target
    group: str
    node: str  # the host; "" where a scheduler decides
    zone: str  # rack or availability zone; "" when unknown
    system: str  # "debian-13", or "image" where software comes as an image
    ports: Mapping[str, int] = field(default_factory=dict)
    config_dir: str = ""
    data_dir: str = ""
    run_dir: str = ""
    backup_dir: str = ""  # "" where no backup is asked for, or the target has no place for one

    @property
    def ordinal(self) -> int:
        return int(self.member.rpartition("-")[2])
