"""What the logs of all hosts tell of a drill, put right by how far each host's clock is off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from opsctl.drills.timeline import Event, LogLine, Offset, spotted
from opsctl.ports import NodeJob, Target
from opsctl.workload import Text, Workload

_LOGS = "journalctl --unit={unit} --since=@%.3f --output=short-unix --no-pager --quiet"
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
    script = Text.parse(_LOGS % (since - _SPARE))
    jobs = [NodeJob(seat, component.name, script) for seat, component in places]
    for (seat, component), answer in zip(places, target.on_nodes(jobs), strict=True):
        if answer is not None:
            yield from spotted(_lines(seat.node, answer.stdout), component.signs)


def clocks(target: Target) -> Mapping[str, Offset]:
    return {node: Offset(*offset) for node, offset in target.clocks().items()}


def _lines(node: str, log: str) -> Iterator[LogLine]:
    """journalctl's "EPOCH HOST IDENTIFIER: TEXT" lines."""
    for line in log.splitlines():
        at, _, rest = line.partition(" ")
        if at.replace(".", "", 1).isdigit():
            yield LogLine(float(at), node, rest.partition(": ")[2])
