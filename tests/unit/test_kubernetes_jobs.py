"""Jobs in a cluster: when they come, what does them, the claim they write to, where they wait."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from kubernetes_schema import mistakes
from opsctl.errors import OpsError
from opsctl.model import Cron, Kubernetes
from opsctl.planning.resource import Resource
from opsctl.ports import Asked
from opsctl.targets.kubernetes import KubernetesTarget
from opsctl.targets.kubernetes.asking import sessions
from opsctl.targets.kubernetes.jobs import IDLE, schedule
from opsctl.targets.kubernetes.live import gathered, named
from opsctl.targets.kubernetes.pods import Inside, Place
from opsctl.targets.kubernetes.reading import Reader
from opsctl.targets.kubernetes.site import Payload, Site
from opsctl.targets.kubernetes.stamping import PART_OF, stamped
from opsctl.workload import Answer, ConfigFile, Job, Query, Text
from toy import NEEDS, Keys, options, with_server, workload

Kubernetes.model_rebuild()
GIB = 1024**3
COPY = Job(
    name="copy",
    words="a copy of sessions",
    when=Cron.parse("5 3 * * *"),
    argv=("sh", "/etc/opsctl/copy.sh"),
    folder="/srv/copies",
    timeout=600.0,
    size=3 * GIB,
)
BACKED_UP = {"schedule": "0 3 * * *"}


def realise(
    job: Job = COPY, reads: tuple[str, ...] = (), **chosen: Any
) -> Mapping[tuple[str, str], Resource]:
    place = KubernetesTarget("prod", Kubernetes(**chosen), "shop", Keys())
    seats = place.seat({"sessions": (options(), NEEDS)}, {})["sessions"]
    work = with_server(workload(seats), jobs=(job,), reads=reads)
    found = place.realise([work], {"sessions": options()})
    return {(one.id.kind, one.id.name): one for one in found}


def manifest(found: Mapping[tuple[str, str], Resource], kind: str, name: str) -> Any:
    payload = found[kind, name].payload
    assert isinstance(payload, Payload)
    return payload.manifest


def test_what_jobs_add_is_what_the_api_knows() -> None:
    for one in realise(storage_class="fast", pull_secrets=["registry"]).values():
        assert isinstance(one.payload, Payload)
        assert mistakes(one.payload.manifest) == [], one.id


def test_every_member_has_its_times_and_a_claim_of_the_job_s_size() -> None:
    found = realise(storage_class="fast")
    for number in range(3):
        spec = manifest(found, "CronJob", f"sessions-{number}-copy")["spec"]
        assert (spec["schedule"], spec["timeZone"]) == ("5 3 * * *", "Etc/UTC")
        claim = manifest(found, "PersistentVolumeClaim", f"copy-sessions-{number}")["spec"]
        assert claim["resources"]["requests"]["storage"] == "3Gi"
        assert claim["storageClassName"] == "fast"


def test_a_job_runs_beside_its_member_and_is_taken_for_it_by_nobody() -> None:
    found = realise()
    template = manifest(found, "CronJob", "sessions-0-copy")["spec"]["jobTemplate"]["spec"]
    labels = template["template"]["metadata"]["labels"]
    selectors = [
        one["spec"]["selector"].get("matchLabels", one["spec"]["selector"])
        for name in found
        if name[0] in ("Service", "StatefulSet", "PodDisruptionBudget")
        for one in [manifest(found, *name)]
    ]
    assert len(selectors) == 8
    assert not any(selector.items() <= labels.items() for selector in selectors)
    spec = template["template"]["spec"]
    (beside,) = spec["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    member = manifest(found, "StatefulSet", "sessions-0")["spec"]["template"]["metadata"]["labels"]
    assert beside["labelSelector"]["matchLabels"].items() <= member.items()
    assert spec["containers"][0]["command"] == ["sh", "/etc/opsctl/copy.sh"]


def test_it_mounts_the_folder_and_none_of_the_member_s_data() -> None:
    found = realise()
    template = manifest(found, "CronJob", "sessions-0-copy")["spec"]["jobTemplate"]["spec"]
    volumes = {one["name"]: one for one in template["template"]["spec"]["volumes"]}
    assert volumes["copy"]["persistentVolumeClaim"]["claimName"] == "copy-sessions-0"
    assert "emptyDir" in volumes["data"]
    (container,) = template["template"]["spec"]["containers"]
    assert {"name": "copy", "mountPath": "/srv/copies"} in container["volumeMounts"]
    assert {one["name"] for one in container["volumeMounts"]} <= set(volumes)


def test_the_member_s_pod_has_a_room_for_it_with_a_bound_of_its_own() -> None:
    pod = manifest(realise(), "StatefulSet", "sessions-0")["spec"]["template"]["spec"]
    assert [one["name"] for one in pod["containers"]] == ["server", "voter", "server-copy"]
    assert pod["containers"][2]["resources"]["limits"] == {"memory": "512Mi"}
    assert pod["containers"][2]["securityContext"] == pod["containers"][0]["securityContext"]


def test_what_it_tells_is_there_from_the_start_and_read_by_whoever_serves_it() -> None:
    told = ConfigFile("/srv/copies/metrics/a.prom", Text(("up 0\n",)), "0644", life="seeded")
    job = replace(COPY, metrics=told)
    found = realise(job, reads=("copy",))
    texts = manifest(found, "ConfigMap", "sessions-0")["data"]
    line = "seeded 0644 srv_copies_metrics_a.prom /srv/copies/metrics/a.prom"
    assert line in texts["opsctl.files"].splitlines()
    assert texts["srv_copies_metrics_a.prom"] == "up 0\n"
    pod = manifest(found, "StatefulSet", "sessions-0")["spec"]["template"]["spec"]
    times = manifest(found, "CronJob", "sessions-0-copy")["spec"]["jobTemplate"]["spec"]
    folder = {"name": "copy", "mountPath": "/srv/copies"}
    for spec in (pod, times["template"]["spec"]):
        assert folder in spec["initContainers"][0]["volumeMounts"]
    assert folder | {"readOnly": True} in pod["containers"][0]["volumeMounts"]
    assert not any(one["name"] == "copy" for one in pod["containers"][1]["volumeMounts"])


def test_who_waits_there_ends_when_told() -> None:
    with subprocess.Popen(["sh", "-c", f"echo up; {IDLE}"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.terminate()
        assert process.wait(30) in (0, -15)  # -15: told before it could listen


def test_copies_are_pruned_by_nobody() -> None:
    found = realise()
    claim = found["PersistentVolumeClaim", "copy-sessions-0"]
    assert PART_OF not in stamped(claim, "shop")["metadata"]["labels"]
    assert PART_OF in stamped(found["CronJob", "sessions-0-copy"], "shop")["metadata"]["labels"]
    live = gathered(named(claim.id.kind, [stamped(claim, "shop")]), {})
    site = Site("prod", "shop", "shop", Kubernetes())
    assert list(Reader(site, live).owned(frozenset())) == []


@pytest.mark.parametrize("folder", ["/", "/etc", "/etc/opsctl", "/var/lib/opsctl/data/", "/tmp"])
def test_a_folder_where_a_pod_has_other_things_is_refused(folder: str) -> None:
    with pytest.raises(OpsError) as refused:
        realise(replace(COPY, folder=folder))
    assert refused.value.code == "kubernetes/job-folder"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("0 3 * * *", "0 3 * * *"),
        ("*/15 * * * *", "0,15,30,45 * * * *"),
        ("0 0 * jan-mar sun", "0 0 * 1,2,3 0"),
        ("0 0 1 * 7", "0 0 1 * 0"),
        ("0 0 * * 1-7", "0 0 * * *"),
    ],
)
def test_times_are_said_as_a_cluster_reads_them(said: str, meant: str) -> None:
    assert schedule(Cron.parse(said), "sessions") == meant


def test_times_that_a_cluster_would_take_otherwise_are_refused() -> None:
    with pytest.raises(OpsError) as refused:
        schedule(Cron.parse("0 0 */2 * 1"), "sessions")
    assert refused.value.code == "kubernetes/schedule"


def test_a_name_too_long_for_its_job_is_refused() -> None:
    with pytest.raises(OpsError) as refused:
        realise(replace(COPY, name="a-job-of-a-name-that-is-far-too-long-for-it"))
    assert refused.value.code == "kubernetes/long-name"


def test_backups_have_a_folder_where_they_are_asked_for() -> None:
    place = KubernetesTarget("prod", Kubernetes(), "shop", Keys())
    for backup, folder in (
        (None, ""),
        (BACKED_UP, "/var/lib/opsctl-backup"),
        (BACKED_UP | {"path": "/mnt/b"}, "/mnt/b"),
    ):
        seats = place.seat({"sessions": (options(backup=backup), NEEDS)}, {})["sessions"]
        assert {seat.backup_dir for seat in seats} == {folder}


def test_what_needs_the_folder_is_asked_where_it_is() -> None:
    place = KubernetesTarget("prod", Kubernetes(), "shop", Keys())
    seat = place.seat({"sessions": (options(), NEEDS)}, {})["sessions"][0]
    query: Query[Answer] = Query(("toy-cli", "list"), lambda one: one, job="copy")
    names = ("server", "voter", "server-copy")

    def asked(*running: str, mutating: bool = False) -> list[str]:
        inside = {name: Inside(name, "toy:2", name in running) for name in names}
        where = {"sessions-0": Place("sessions-0-0", "n1", "10.1.0.5", inside)}
        questions = [
            Asked(seat, "server", one, mutating=mutating) for one in (query, replace(query, job=""))
        ]
        lines = sessions(Site("prod", "shop", "shop", Kubernetes()), where, questions, str)
        return [one.container for line in lines for one in line]

    assert sorted(asked(*names)) == ["server", "server-copy"]
    assert asked(*names, mutating=True) == ["server-copy", "server"]
    assert asked("server") == ["server"]  # no other container stands in for it
