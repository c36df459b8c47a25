"""What the logs of all hosts tell of a drill, put right by how far each host's clock is off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from opsctl.drills.timeline import Event, LogLine, Offset, spotted
from opsctl.ports import Target
from opsctl.workload import Workload

_SPARE = 1.0  # seconds before the drill: clocks differ


def told(target: Target, workloads: Sequence[Workload], since: float) -> Iterator[Event]:
    """What every component's log says since then; a host that is away tells nothing."""
    places = [
        (member.seat, component)
        for workload in workloads
        for member in workload.members()
        for component in member.components
        if component.signs
    ]
    asked = [(seat, component.name) for seat, component in places]
    for (_, component), said in zip(places, target.log_lines(asked, since - _SPARE), strict=True):
        if said is not None:
            node, lines = said
            yield from spotted((LogLine(at, node, text) for at, text in lines), component.signs)


def clocks(target: Target) -> Mapping[str, Offset]:
    return {node: Offset(*offset) for node, offset in target.clocks().items()}
