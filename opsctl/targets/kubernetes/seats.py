"""Seats in a cluster: names only, for the scheduler decides where pods run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from opsctl.errors import SpecError
from opsctl.targets.kubernetes.site import CONFIG, DATA, NODE, RUN
from opsctl.workload import Seat, SeatNeed

# A StatefulSet's name and the 11 characters of a revision make a label of its pods (63 at most).
_LONGEST: Final = 52
_LABEL: Final = 63
_DIGEST: Final = 5  # letters that tell nodes apart whose names are cut


@dataclass(frozen=True, slots=True)
class Rooms:
    """The namespace of services, and that of what looks at nodes."""

    services: str
    agents: str


ROOMS: Final = Rooms("", "")  # of seats that nobody is asked for


def seats(
    service: str,
    needs: tuple[SeatNeed, ...],
    nodes: Mapping[str, Sequence[str]] | None = None,
    backup_dir: str = "",
    rooms: Rooms = ROOMS,
) -> tuple[Seat, ...]:
    """A seat for every member; the same ordinals give the same seats for ever.

    The first group's members are named after the service alone, those of further groups after
    both, so that growing one group renames nobody in another. `nodes`, by group, are those that
    have a member near their clients, or one that looks at each node. `rooms`: their namespaces.
    """
    if any(need.every and not need.looks for need in needs):
        raise SpecError(
            "kubernetes/every-node",
            "it serves the machines that it sits on, and a cluster's nodes see to themselves",
            where=f"service {service}",
            hint="run it on a target of hosts",
        )
    first = needs[0].group if needs else ""
    found: list[Seat] = []
    for need in needs:
        stem = service if need.group == first else f"{service}-{need.group}"
        shared = need.near_clients or need.every
        _check(stem, f"{service}-{need.group}" if shared else f"{stem}-{need.count - 1}")
        if shared:
            found += seats_near(stem, need, (nodes or {}).get(need.group, ()), rooms)
        else:
            names = (f"{stem}-{ordinal}" for ordinal in range(need.count))
            found += [_seat(need, rooms, name, backup_dir=backup_dir) for name in names]
    return tuple(found)


def seats_near(
    stem: str, need: SeatNeed, nodes: Sequence[str], rooms: Rooms = ROOMS
) -> tuple[Seat, ...]:
    """One on each of the nodes; where none is known, one of node "" stands for all."""
    known = sorted(set(nodes)) or [""]
    return tuple(_seat(need, rooms, near_name(stem, node), node) for node in known)


def near_name(stem: str, node: str) -> str:
    """The member on a node: a valid label, the same for ever, another for every node.

    A node's name may have dots and 253 letters: then it is cut, and its digest follows.
    """
    if not node:
        return stem
    short = node.partition(".")[0]
    whole = f"{stem}-{short}"
    if short == node and len(whole) <= _LABEL:
        return whole
    digest = hashlib.sha256(node.encode()).hexdigest()[:_DIGEST]
    return f"{whole[: _LABEL - _DIGEST - 1].rstrip('-')}-{digest}"


def _check(stem: str, longest: str) -> None:
    if not stem[:1].isalpha():  # clusters before 1.34 refuse such a Service
        raise SpecError(
            "kubernetes/bad-name",
            "a name begins with a letter on Kubernetes",
            where=f"service {stem}",
            hint="give the service another name",
        )
    if len(longest) > _LONGEST:
        raise SpecError(
            "kubernetes/long-name",
            f"a member's name has at most {_LONGEST} characters on Kubernetes",
            where=f"member {longest}",
            hint="give the service a shorter name",
        )


def _seat(need: SeatNeed, rooms: Rooms, member: str, node: str = "", backup_dir: str = "") -> Seat:
    return Seat(
        member=member,
        group=need.group,
        node=node,
        zone="",
        system="image",
        ports={**need.ports, **need.tells},
        config_dir=CONFIG,
        data_dir=DATA,
        run_dir=RUN,
        backup_dir=backup_dir,
        near_clients=need.near_clients or need.every,
        realm=rooms.agents if need.every else rooms.services,
        root=NODE if need.every else "/",
    )
