"""A component's jobs: for each a unit that runs once, and a timer that starts it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from opsctl.planning.resource import Resource
from opsctl.targets.hosts import layout
from opsctl.targets.hosts.realise.calendar import calendar
from opsctl.targets.hosts.realise.context import Context, Payload
from opsctl.targets.hosts.realise.files import seeded_file, whole_file
from opsctl.targets.hosts.realise.sandbox import sandbox
from opsctl.targets.hosts.realise.unit_text import HEAD
from opsctl.targets.hosts.realise.words import words
from opsctl.workload import Component, Job, Member, Seat, Text, Volume, Workload

_SPREAD = 10  # seconds over which hosts spread what they all do at one time


def jobs(
    context: Context, workload: Workload, member: Member, before: Sequence[Resource]
) -> tuple[Resource, ...]:
    """Of each job: its files, and the timer, which makes the folder too."""
    found: list[Resource] = []
    for component in member.components:
        for job in component.jobs:
            name = f"{component.name}-{job.name}"
            environment, service = context.environment.name, workload.service
            unit = layout.unit_name(environment, service, name, member.name)
            timer = f"{unit.removesuffix('.service')}.timer"
            texts = {
                unit: service_text(component, job, member.seat),
                timer: timer_text(job, member),
            }
            files = [
                whole_file(
                    context,
                    context.id("file", member.seat.node, layout.unit_path(path)),
                    service,
                    Text((text,)),
                    "0644",
                    member=member.name,
                    seat=member.seat,
                )
                for path, text in texts.items()
            ]
            if job.metrics is not None:
                files.append(seeded_file(context, service, member, component.user, job.metrics))
            found += files
            found.append(
                Resource(
                    id=context.id("timer", member.seat.node, timer),
                    service=service,
                    member=member.name,
                    desired={
                        "enabled": "yes", "waiting": "yes", "current": "yes",
                        "folder": f"{component.user}:{component.user} 0700",
                    },
                    needs=tuple(one.id for one in (*before, *files)),
                    payload=Payload({"folder": job.folder, "unit": unit}, seat=member.seat),
                )
            )  # fmt: skip
    return tuple(found)


def timer_text(job: Job, member: Member) -> str:
    """A time that was missed, because the host was down, is made up for."""
    lines = [f"Description=Times of: {job.words} ({member.name})".replace("%", "%%")]
    times = [f"OnCalendar={line}" for line in calendar(job.when)]
    spread = (f"RandomizedDelaySec={_SPREAD}", "AccuracySec=1s", "Persistent=true")
    return _text(Unit=lines, Timer=[*times, *spread], Install=["WantedBy=timers.target"])


def service_text(component: Component, job: Job, seat: Seat) -> str:
    """The component's own user and sandbox, and its folder to write to; behind the servers."""
    places = (job.folder, *((job.metrics.path,) if job.metrics else ()))
    wider = replace(component, volumes=(*component.volumes, *map(Volume, places)))
    return _text(
        Unit=[
            f"Description={seat.member} {job.words} (kept by opsctl)".replace("%", "%%"),
            f"RequiresMountsFor={job.folder}",
        ],
        Service=[*_service(component, job, seat), *sandbox(wider, seat)],
    )


def _service(component: Component, job: Job, seat: Seat) -> Iterator[str]:
    yield "Type=oneshot"
    yield f"User={component.user}"
    yield "UMask=0077"
    yield f"SyslogIdentifier={seat.member}-{component.name}-{job.name}"
    yield f"ExecStart={words(job.argv)}"
    yield f"TimeoutStartSec={job.timeout:g}"
    yield "Nice=10"
    yield "IOSchedulingPriority=7"


def _text(**sections: Sequence[str]) -> str:
    return HEAD + "\n".join(
        f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections.items()
    )
