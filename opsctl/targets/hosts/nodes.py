"""Scripts for the hosts themselves: what drills strike with, and what their logs tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opsctl.ports import ROOT, SIGNAL, START, Asked, Fence, NodeJob
from opsctl.targets.hosts import asking, layout, wire
from opsctl.targets.hosts.agents import Answers
from opsctl.targets.hosts.values import Env
from opsctl.workload import Answer, Query, Seat, Text

UNIT = "{unit}"  # of our own scripts here: the component's, by its name
_LOG = "journalctl --unit={unit} --since=@%.3f --output=short-unix --no-pager --quiet"
SHELL = ("/bin/sh",)  # reads the script from its standard input, so that no argument is too long


def requests(
    environment: Env, jobs: Sequence[NodeJob], fence: Fence | None, value: wire.Value
) -> dict[str, dict[str, Any]]:
    """One request per host. A question without a unit is asked as root."""
    made: dict[str, dict[str, Any]] = {}
    for host, several in asking.by_host([_asked(environment, job, fence) for job in jobs]).items():
        questions = [wire.question(one.query, one.seat.member, "", value) for one in several]
        made[host] = {"ask": questions, **asking.fencing(fence, several)}
    return made


def _asked(environment: Env, job: NodeJob, fence: Fence | None) -> Asked:
    unit = ""
    if job.component:
        service = asking.service_of(job.seat.member, job.seat.config_dir)
        unit = layout.unit_name(environment.name, service, job.component, job.seat.member)
    parts = [filled(part, unit) if isinstance(part, str) else part for part in job.script.parts]
    query = Query(SHELL, _itself, Text(tuple(parts)), job.timeout)
    # All of one host stand in one line, so that they run in order.
    seat = replace(job.seat, member=job.seat.node)
    return Asked(seat, job.component, query, mutating=fence is not None)


def filled(script: str, unit: str) -> str:
    """The script with its words as systemd has them."""
    start = f"systemctl reset-failed {unit}; systemctl start {unit}"
    signal = f"systemctl kill {unit} --signal"
    words = {SIGNAL: signal, START: start, ROOT: "", UNIT: unit}
    for word, meaning in words.items():
        script = script.replace(word, meaning)
    return script


def log_jobs(places: Sequence[tuple[Seat, str]], since: float) -> list[NodeJob]:
    """What asks for logs since then."""
    script = Text.parse(_LOG % since)
    return [NodeJob(seat, component, script) for seat, component in places]


def log_lines(
    places: Sequence[tuple[Seat, str]], answers: Sequence[Answer | None]
) -> tuple[tuple[str, tuple[tuple[float, str], ...]] | None, ...]:
    """What they answered."""
    return tuple(
        None if answer is None else (seat.node, tuple(_lines(answer.stdout)))
        for (seat, _), answer in zip(places, answers, strict=True)
    )


def _lines(log: str) -> Iterator[tuple[float, str]]:
    """journalctl's "EPOCH HOST IDENTIFIER: TEXT" lines."""
    for line in log.splitlines():
        at, _, rest = line.partition(" ")
        if at.replace(".", "", 1).isdigit():
            yield float(at), rest.partition(": ")[2]


def _itself(answer: Answer) -> Answer:
    return answer


def answers(jobs: Sequence[NodeJob], given: Answers) -> tuple[Answer | None, ...]:
    """In the order of `jobs`."""
    left: Mapping[str, list[Any]] = {
        host: list(answer["ask"]) for host, answer in given.given.items()
    }
    return tuple(
        Answer(*left[job.seat.node].pop(0)) if job.seat.node in left else None for job in jobs
    )


def patience(jobs: Sequence[NodeJob]) -> float:
    """Seconds that the slowest host may take."""
    total: dict[str, float] = {}
    for job in jobs:
        total[job.seat.node] = total.get(job.seat.node, 0.0) + job.timeout
    return max(total.values(), default=0.0)
