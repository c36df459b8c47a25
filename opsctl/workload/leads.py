"""How the lanes of a pool of balancers stand: who lets clients in, and to whom they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from opsctl.workload.entries import Lane


@dataclass(frozen=True, slots=True)
class Lead:
    """One lane as its balancers have it now.

    `balancers`: those that clients come in at: of a floating address its holder. `serving`: the
    members that get clients there. `away`: the others, each with why. `trouble`: "" where clients
    are served, else why they are not and what they see instead.
    """

    lane: Lane
    balancers: tuple[str, ...]
    serving: tuple[str, ...]
    away: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    full: str = ""  # how many connections, where no more are let in

    def doors(self, own: Iterable[str]) -> tuple[str, ...]:
        """ "HOST:PORT" of each place where clients come in; `own` are the balancers' addresses."""
        hosts = [self.lane.host] if self.lane.host else own
        return tuple(f"{f'[{one}]' if ':' in one else one}:{self.lane.port}" for one in hosts)
