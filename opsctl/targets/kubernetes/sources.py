"""A member's files as its pod finds them, and the script that puts them in their places.

A Service's address is not known while manifests are written, and a server that rewrites its own
file must find it as it left it. So ConfigMap and Secret are mounted aside, and an init container
copies each file to its path: addresses filled in, seeded files only where there is none.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

from opsctl.errors import OpsError
from opsctl.targets.kubernetes.site import CONFIG, STORE, Placed
from opsctl.workload import AddressRef, Component, ConfigFile, Member, Text

# Of files that are many: a ConfigMap holds 1 MiB, and 40 KiB of rules for each service are usual.
SHELVES: Final = 16
SCRIPT: Final = "opsctl.install.sh"
FILES: Final = "opsctl.files"
ADDRESSES: Final = "opsctl.addresses"


@dataclass(frozen=True, slots=True)
class Source:
    """One file and the key that it has in the ConfigMap or Secret."""

    key: str
    file: ConfigFile

    @property
    def secret(self) -> bool:
        """Certificates stand beside their keys, and change as these do."""
        return bool(self.file.text.derived)

    @property
    def shelf(self) -> int:
        """In which ConfigMap it is: 0 the member's own; for ever the same, so that no other file
        moves when one comes or goes."""
        if not self.file.many or self.secret:
            return 0
        return 1 + zlib.crc32(self.key.encode()) % SHELVES

    @property
    def at_start(self) -> bool:
        """Whether only a restart takes a change in."""
        return self.file.life == "managed" and self.file.effect == "restart"


def sources(member: Member) -> tuple[Source, ...]:
    """Every file of the member once; components may share one if they agree on it."""
    found: dict[str, Source] = {}
    for component in member.components:
        for file in (*component.all_files, *_told(component)):
            key = key_of(file.path)
            if found.setdefault(key, Source(key, file)).file != file:
                raise OpsError(
                    "kubernetes/file-twice",
                    f"two files of one member would both be {key} in its ConfigMap",
                    where=f"member {member.name}, {file.path}",
                )
    return tuple(found.values())


def _told(component: Component) -> tuple[ConfigFile, ...]:
    """What its jobs rewrite, as it is before they have run."""
    return tuple(job.metrics for job in component.jobs if job.metrics is not None)


def key_of(path: str) -> str:
    """The key that a file has in the ConfigMap or Secret."""
    return path.removeprefix(f"{CONFIG}/").lstrip("/").replace("/", "_")


def table(member: Member) -> str:
    """What the script does, a line each: life or "directory", mode, key, path."""
    places = sorted({volume.path for part in member.components for volume in part.volumes})
    lines = [f"directory 0700 - {path}\n" for path in places if path.startswith(STORE)]
    lines += [
        f"{source.file.life} {source.file.mode} {source.key} {source.file.path}\n"
        for source in sources(member)
    ]
    return "".join(lines)


def peers(member: Member) -> tuple[str, ...]:
    """The members whose literal addresses stand in this member's files."""
    found = {one for source in sources(member) for one in literals(source.file.text)}
    return tuple(sorted(found))


def literals(text: Text) -> tuple[str, ...]:
    """The members whose literal addresses stand in a text; its own pod knows its own."""
    parts = (part for part in text.parts if isinstance(part, AddressRef) and part.form == "ip")
    return tuple(sorted({part.member for part in parts} - {""}))


def addresses(placed: Placed) -> str:
    """Which names the script asks for, a line each: member, name."""
    return "".join(f"{peer} {placed.site.host(peer)}\n" for peer in peers(placed.member))
