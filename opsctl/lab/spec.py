"""What a lab is: its wish (LabSpec), its hosts as seen now (LabHost), and their addresses. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

from opsctl.errors import SpecError

System = Literal["debian-12", "debian-13"]
CODENAMES: dict[str, str] = {"debian-12": "bookworm", "debian-13": "trixie"}
MIXED = "mixed"
MAX_HOSTS = 200  # addresses .11 to .210
RACKS = 3


@dataclass(frozen=True, slots=True)
class LabSpec:
    """Hosts n1 to nN. `system` "mixed" alternates Debian 13 and 12; sizes are in MiB.

    Each host's disk is a sparse file of `disk_mib`; `data_mib` above 0 adds a second one at /data.
    `nested` hosts can run containers themselves; those must be Debian 12.
    """

    name: str = "lab"
    hosts: int = 3
    system: str = "debian-13"
    disk_mib: int = 8192
    data_mib: int = 0
    nested: bool = False

    def check(self) -> None:
        """Raise lab/name, lab/system or lab/size when the wish can't be met."""
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", self.name):
            hint = "small letters, digits and dashes, at most 40"
            raise SpecError("lab/name", f"{self.name!r} can't be a lab's name", hint=hint)
        if self.system != MIXED and self.system not in CODENAMES:
            hint = f"one of {', '.join([*CODENAMES, MIXED])}"
            raise SpecError("lab/system", f"there is no lab host of {self.system!r}", hint=hint)
        if self.nested and self.system != "debian-12":
            # Debian 13's systemd does not start under the version 1 cgroups that runc needs here.
            raise SpecError("lab/system", "hosts that run containers are of debian-12")
        if not 1 <= self.hosts <= MAX_HOSTS:
            raise SpecError("lab/size", f"{self.hosts} hosts: a lab has 1 to {MAX_HOSTS}")
        if self.disk_mib < 64 or self.data_mib < 0 or 0 < self.data_mib < 8:
            raise SpecError("lab/size", "a disk has at least 64 MiB, a data disk at least 8 MiB")


@dataclass(frozen=True, slots=True)
class Node:
    """A host as recorded; what LabHost is without the parts that change."""

    name: str
    system: System
    rack: str

    @property
    def number(self) -> int:
        return int(self.name[1:])


@dataclass(frozen=True, slots=True)
class LabHost:
    """A host as it is now. `rack` names one of three pretended racks, in turn."""

    name: str
    address: str
    system: str
    running: bool
    rack: str


def nodes(spec: LabSpec) -> tuple[Node, ...]:
    """The hosts a spec asks for, in order."""
    return tuple(_node(spec.system, number) for number in range(1, spec.hosts + 1))


def _node(system: str, number: int) -> Node:
    old = system == "debian-12" or (system == MIXED and number % 2 == 0)
    return Node(f"n{number}", "debian-12" if old else "debian-13", f"r{(number - 1) % RACKS + 1}")


@dataclass(frozen=True, slots=True)
class Subnet:
    """The names and addresses that follow from a lab's index (0 to 254).

    `tag` names the state folder in the bridge's name, so that nobody takes another's bridge for
    his own. Interface names stay below the kernel's 15 characters: ol254-01234567, vb-ol254-n200.
    """

    index: int
    tag: str

    @property
    def cidr(self) -> str:
        return f"10.77.{self.index}.0/24"

    @property
    def gateway(self) -> str:
        return f"10.77.{self.index}.1"

    @property
    def bridge(self) -> str:
        return f"ol{self.index}-{self.tag}"

    @property
    def table(self) -> str:
        """The nft table of the lab; tables of faults begin with it and an underscore."""
        return f"opsctl_lab{self.index}"

    def address(self, node: Node) -> str:
        return f"10.77.{self.index}.{10 + node.number}"

    def machine(self, host: str) -> str:
        return f"ol{self.index}-{host}"

    def port(self, host: str) -> str:
        """The host's end of the cable at the bridge; systemd-nspawn names it so."""
        return f"vb-{self.machine(host)}"


def candidates(name: str) -> tuple[int, ...]:
    """Indexes to try for a lab, best first: 0 for "lab", else from a hash of the name."""
    if name == "lab":
        return (0, *range(1, 255))
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) % 254
    return tuple((start + offset) % 254 + 1 for offset in range(254))
