"""A file of a member, and what a running process needs to take a change of it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsctl.workload.text import Text

Effect = Literal["none", "reload", "restart"]


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of a member.

    `managed`: opsctl owns every byte. `seeded`: written once, then the server's own; never compared
    by content. `effect` is what a running process needs to take in a change. `check` is a program
    that must accept new content before it is put in place: its word "{file}" is where that waits.
    `many`: one of a kind of which every service has one, so that together they may be large.
    """

    path: str
    text: Text
    mode: str = "0640"
    effect: Effect = "restart"
    life: Literal["managed", "seeded"] = "managed"
    check: tuple[str, ...] = ()
    many: bool = False

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0] or "/"
