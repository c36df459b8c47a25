"""A component's jobs: for each a CronJob beside the member, a claim for its folder, and a container
of the member's pod in which people have the same done at once. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from opsctl.errors import Exit, OpsError
from opsctl.model import Cron
from opsctl.targets.kubernetes.live import ENVIRONMENT, KEPT, SERVICE
from opsctl.targets.kubernetes.site import CONFIG, RUN, SOURCES, STORE, Manifest, Placed
from opsctl.targets.kubernetes.storage import DEFAULT_SIZE, claim_spec
from opsctl.workload import Component, Job

# A Job's name is its CronJob's and 11 characters, and a label of its pods (63 at most).
_LONGEST: Final = 52
_LATE: Final = 300  # seconds beyond its own time that a job may take to be placed and started
_TAKEN: Final = (CONFIG, RUN, SOURCES, STORE, "/tmp")  # noqa: S108 - the pod's own mounts
_ALL: Final = (60, 24, 31, 12, 7)  # how many numbers each field of a schedule has

IDLE: Final = "trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done"


def all_jobs(placed: Placed) -> Iterator[tuple[Component, Job]]:
    """Each job of the member, and the component that has it."""
    for component in placed.member.components:
        for job in component.jobs:
            yield component, job


def telling(placed: Placed) -> tuple[Job, ...]:
    """Those that tell of themselves in a file below their folder, which is there from the start."""
    return tuple(job for _, job in all_jobs(placed) if job.metrics is not None)


def room(component: str, job: str) -> str:
    """The container in which a job's program is run when it is asked for. Its memory is bounded
    apart from the server's: what is loaded there to be looked at takes none of that."""
    return f"{component}-{job}"


def claim_name(placed: Placed, job: Job) -> str:
    return f"{job.name}-{placed.name}"


def claim(placed: Placed, job: Job) -> Manifest:
    """What the folder is kept on. Bears the label of what is never removed."""
    _check(placed, job)
    labels = placed.labels | {KEPT: job.name}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": placed.site.metadata(claim_name(placed, job), labels),
        # "Once" is of a node: the job's own pod, beside the member's, has it as well.
        "spec": claim_spec(placed.site, job.size or DEFAULT_SIZE),
    }


def volume(placed: Placed, job: Job) -> Manifest:
    return {
        "name": job.name,
        "persistentVolumeClaim": {"claimName": claim_name(placed, job)},
    }


def mount(job: Job) -> Manifest:
    return {"name": job.name, "mountPath": job.folder}


def looked_into(placed: Placed, component: Component) -> list[Manifest]:
    """The folders of jobs that a component reads and never writes."""
    jobs = (job for _, job in all_jobs(placed) if job.name in component.reads)
    return [mount(job) | {"readOnly": True} for job in jobs]


def cron_job(placed: Placed, job: Job, pod: Manifest) -> Manifest:
    """`pod` is the spec of what runs at its times: on the member's node, where the volume is, with
    none of the labels by which Services and budgets find the member."""
    name = f"{placed.name}-{job.name}"
    if len(name) > _LONGEST:
        raise OpsError(
            "kubernetes/long-name",
            f"a job's name has at most {_LONGEST} characters on Kubernetes",
            where=f"job {name}",
            hint=f"give the service {placed.workload.service} a shorter name",
            exit=Exit.INPUT,
        )
    beside = {
        "labelSelector": {"matchLabels": placed.selector},
        "topologyKey": "kubernetes.io/hostname",
    }
    spec = pod | {
        "restartPolicy": "Never",
        "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [beside]}},
    }
    known = ("app.kubernetes.io/part-of", "app.kubernetes.io/managed-by", ENVIRONMENT, SERVICE)
    labels = {key: value for key, value in placed.labels.items() if key in known}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": placed.site.metadata(name, placed.labels),
        "spec": {
            "schedule": schedule(job.when, placed.workload.service),
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "metadata": {"labels": labels},
                "spec": {
                    "backoffLimit": 0,
                    "activeDeadlineSeconds": math.ceil(job.timeout) + _LATE,
                    "template": {"metadata": {"labels": labels}, "spec": spec},
                },
            },
        },
    }


def schedule(when: Cron, service: str) -> str:
    """The five fields as the cluster reads them: numbers, and weekdays up to 6."""
    fields = [
        "*" if len(numbers) == count else ",".join(str(one) for one in numbers)
        for numbers, count in zip(
            (when.minutes, when.hours, when.days, when.months, when.weekdays), _ALL, strict=True
        )
    ]
    if "*" not in (fields[2], fields[4]) and not when.either:
        raise OpsError(
            "kubernetes/schedule",
            "a cluster takes days of the month and weekdays one or the other, never both at once",
            where=f"service {service}, backup.schedule",
            hint='leave one of them "*"',
            exit=Exit.INPUT,
        )
    return " ".join(fields)


def _check(placed: Placed, job: Job) -> None:
    folder = f"{job.folder.rstrip('/')}/"
    for taken in (f"{one}/" for one in _TAKEN):
        if folder.startswith(taken) or taken.startswith(folder):
            raise OpsError(
                "kubernetes/job-folder",
                f"{job.words}: {job.folder} is where a pod has other things",
                where=f"member {placed.name}",
                hint="leave backup.path out: it is only where the volume is mounted",
                exit=Exit.INPUT,
            )
