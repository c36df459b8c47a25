"""Backups of a service: what members keep, and how one is made, checked and put back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from opsctl.workload.acts import Act, Query, Standings

Kind = Literal["scheduled", "asked", "before-restore", "brought"]


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup, as it lies on its member's node. Times are seconds since the epoch.

    `kind` before-restore: the data that a restore replaced; brought: put there by somebody.
    `damage`: why it is no good, as its last verification found; "" for nothing found.
    """

    name: str
    member: str
    at: float
    bytes: int
    kind: Kind = "brought"
    keys: int | None = None
    role: str = ""
    version: str = ""
    verified: float | None = None
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What one member keeps, and how its last scheduled backup went: `error` "" is well."""

    backups: tuple[Backup, ...] = ()
    success: float | None = None
    tried: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Backups:
    """`every`: the longest time between two scheduled ones, in seconds. `shelf(member)` reads what
    a member keeps. The others give acts: `take(standings)`, `verify(member, name)`, and
    `restore(standings, member, name)`, which replaces the service's data by a backup that lies on
    that member. What can't be had raises OpsError."""

    component: str
    every: float
    shelf: Callable[[str], Query[Shelf]]
    take: Callable[[Standings], tuple[Act, ...]]
    verify: Callable[[str, str], tuple[Act, ...]]
    restore: Callable[[Standings, str, str], tuple[Act, ...]]
