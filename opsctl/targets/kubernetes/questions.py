"""What a look asks of the servers in running pods: how they stand, and what lives inside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.ports import Asked
from opsctl.targets.kubernetes.live import Live
from opsctl.targets.kubernetes.site import Manifest
from opsctl.workload import Answer, Component, Facts, Member, Standing, Workload

Standings = dict[tuple[str, str], Standing]
Objects = dict[tuple[str, str, str], Facts]


@dataclass(frozen=True, slots=True)
class Question:
    """`name` is (member, component) of a standing, or (member, kind, name) of an object."""

    name: tuple[str, ...]
    asked: Asked


def questions(live: Live, workloads: Sequence[Workload]) -> list[Question]:
    """Of members whose pods run; others can't answer, and asking them would take its time."""
    found: list[Question] = []
    for workload in workloads:
        for member in workload.members():
            if _runs(live, member):
                found += _of(workload, member)
    return found


def answered(
    asked: Sequence[Question], answers: Mapping[tuple[str, str], tuple[Answer, ...]]
) -> tuple[Standings, Objects]:
    """Answers come by (member, component), in the order in which they were asked."""
    left = {key: iter(several) for key, several in answers.items()}
    standings: Standings = {}
    objects: Objects = {}
    for one in asked:
        answer = next(left.get((one.asked.seat.member, one.asked.component), iter(())), None)
        if answer is None:
            continue
        read: Any = one.asked.query.parse(answer)
        if len(one.name) == 2:
            standings[one.name[0], one.name[1]] = read
        elif read is not None:
            objects[one.name[0], one.name[1], one.name[2]] = read
    return standings, objects


def _of(workload: Workload, member: Member) -> Iterator[Question]:
    for part in member.components:
        if part.health is not None:
            yield _standing(member, part)
    for thing in workload.objects:
        if thing.member == member.name:
            name = (member.name, thing.kind, thing.name)
            yield Question(name, Asked(member.seat, thing.component, thing.read))


def _standing(member: Member, part: Component) -> Question:
    assert part.health is not None
    return Question((member.name, part.name), Asked(member.seat, part.name, part.health))


def _runs(live: Live, member: Member) -> bool:
    if member.seat.near_clients:
        daemons = (several for (kind, _), several in live.kept.items() if kind == "DaemonSet")
        pods = [pod for several in daemons for pod in several if _node(pod) == member.seat.node]
    else:
        pods = list(live.kept.get(("StatefulSet", member.name), ()))
    return any((pod.get("status") or {}).get("phase") == "Running" for pod in pods)


def _node(pod: Manifest) -> str:
    return str((pod.get("spec") or {}).get("nodeName") or "")
