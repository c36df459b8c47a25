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
    metrics_dir: str = ""  # of the node: files in it are read by who measures it; "": nobody does
    # One on each node, beside the clients there. All of a group get the same files and commands:
    # what differs is said by references alone, see AddressRef.
    near_clients: bool = False
    # Where members come and go as a scheduler wants, and the place is asked who is where: its name
    # for the room that this one is in. "": the node above is known, and stays.
    realm: str = ""
    root: str = "/"  # where its processes find the file systems of the node, if they may see them

    @property
    def ordinal(self) -> int:
        """0 for one that is named after its node."""
        last = self.member.rpartition("-")[2]
        return int(last) if last.isdecimal() and not self.near_clients else 0
