"""Scripts on the nodes themselves, by way of an agent's pod on each."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

from opsctl.errors import Exit, OpsError
from opsctl.ports import ROOT, SIGNAL, START, NodeJob
from opsctl.targets.kubernetes import agents
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.asking import AT_ONCE, Value
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.pods import Place
from opsctl.targets.kubernetes.site import Manifest, Site
from opsctl.workload import AddressRef, Answer, CertRef, FileRef, Ref, SecretRef

START_TIMEOUT: Final = 60.0  # seconds until an agent runs; two were seen on an idle machine
_LOOK: Final = 0.3  # seconds between two looks
_AWAY: Final = ("kubernetes/unreachable", "kubernetes/refused")


class Nodes:
    """The nodes of one namespace's members."""

    def __init__(self, api: Api, site: Site) -> None:
        self._site = site
        self._cluster = api
        self._api = replace(api, namespace=agents.namespace(site))
        self._ready: dict[str, str] = {}  # by node, the agent's pod
        self._making = threading.Lock()

    def run(
        self, jobs: Sequence[NodeJob], places: Mapping[str, Place], value: Value
    ) -> tuple[Answer | None, ...]:
        """In the order of `jobs`; None from a node that is away, or where no member's pod is."""
        lines: dict[str, list[int]] = {}
        for at, job in enumerate(jobs):
            if node := node_of(job, places):
                lines.setdefault(node, []).append(at)
        if not lines:
            return (None,) * len(jobs)
        filling = Filling(self._site, places, value, self._known(jobs))
        scripts = {at: filling.script(jobs[at]) for mine in lines.values() for at in mine}

        def one(line: tuple[str, list[int]]) -> dict[int, Answer]:
            node, mine = line
            given: dict[int, Answer] = {}
            for at in mine:
                answer = self._on(node, scripts[at], jobs[at].timeout, _image(node, places))
                if answer is None:
                    break
                given[at] = answer
            return given

        with ThreadPoolExecutor(min(AT_ONCE, len(lines))) as pool:
            found = {at: one for mine in pool.map(one, lines.items()) for at, one in mine.items()}
        return tuple(found.get(at) for at in range(len(jobs)))

    def _known(self, jobs: Sequence[NodeJob]) -> Mapping[str, Manifest]:
        """The cluster's nodes, where a script speaks of their addresses."""
        if not any(isinstance(part, AddressRef) for job in jobs for part in job.script.parts):
            return {}
        listed = self._cluster.list("/api/v1/nodes")
        return {one["metadata"]["name"]: one for one in listed}

    def _on(self, node: str, script: str, seconds: float, image: str) -> Answer | None:
        """None when the node could not be reached. Raises what the cluster does not allow."""
        for fresh in (False, True):
            try:
                pod = self._agent(node, image, fresh=fresh)
                if not pod:
                    return None
                call = agents.call(math.ceil(seconds))
                answer = self._api.exec(pod, agents.CONTAINER, call, script, seconds + 5)
            except OpsError as error:
                if error.code not in _AWAY:
                    raise
                self._ready.pop(node, None)
                continue
            if _never_began(answer) and not fresh:
                self._ready.pop(node, None)
                continue
            return answer
        return None

    def _agent(self, node: str, image: str, *, fresh: bool) -> str:
        """The agent's pod, made where there is none; "" where the node is away."""
        if node in self._ready and not fresh:
            return self._ready[node]
        if pod := self._running(node):
            self._ready[node] = pod
            return pod
        if not image or not self._is_up(node):
            return ""
        self._make(node, image)
        self._ready[node] = self._await(node)
        return self._ready[node]

    def _make(self, node: str, image: str) -> None:
        with self._making:  # one namespace for all
            path = KINDS["Namespace"].path("")
            if self._api.get(f"{path}/{self._api.namespace}") is None:
                _created(self._api, path, agents.namespace_manifest(self._site))
        jobs = KINDS["Job"].path(self._api.namespace)
        _created(self._api, jobs, agents.job(self._site, node, image))

    def _await(self, node: str) -> str:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if pod := self._running(node):
                return pod
            time.sleep(_LOOK)
        name = agents.job_name(node)
        raise OpsError(
            "kubernetes/no-agent",
            f"the pod that would run scripts on {node} has not started within {START_TIMEOUT:g} s",
            where=f"{self._site.target}/{self._api.namespace}",
            hint=f"kubectl -n {self._api.namespace} describe pods -l job-name={name}",
            exit=Exit.UNOBSERVED,
        )

    def _running(self, node: str) -> str:
        selector = f"job-name={agents.job_name(node)}"
        pods = self._api.list(KINDS["Pod"].path(self._api.namespace), selector)
        return next((one["metadata"]["name"] for one in pods if _runs(one)), "")

    def _is_up(self, node: str) -> bool:
        found = self._cluster.get(f"/api/v1/nodes/{node}") or {}
        conditions = (found.get("status") or {}).get("conditions") or ()
        return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


class Filling:
    """What stands for references and words in a script."""

    def __init__(
        self, site: Site, places: Mapping[str, Place], value: Value, nodes: Mapping[str, Manifest]
    ) -> None:
        self._site, self._places, self._value, self._nodes = site, places, value, nodes

    def script(self, job: NodeJob) -> str:
        """Raises kubernetes/not-running where it means a process that is not there."""
        text = job.script.fill(self._part)
        if ROOT in text:
            raise OpsError(
                "kubernetes/no-lasting-path",
                "a volume has no path on its node that would outlive the pod, so what is put there "
                "could not be taken away for certain",
                where=f"member {job.seat.member}",
                hint="this fault can be struck on hosts alone",
                exit=Exit.REFUSED,
            )
        if SIGNAL in text:
            text = text.replace(SIGNAL, _signal(self._container(job)))
        # The kubelet starts what died, again and again, and never gives up.
        return text.replace(START, "true")

    def _part(self, ref: Ref) -> str:
        if isinstance(ref, SecretRef):
            return self._value(ref)
        if isinstance(ref, FileRef):
            raise TypeError(f"{ref.path} is a file of a pod, and this is a script for a node")
        if isinstance(ref, CertRef):
            raise TypeError(f"a script for a node holds no {ref.what}")
        return self._address(ref) if ref.form == "ip" else self._site.host(ref.member)

    def _address(self, ref: AddressRef) -> str:
        """The member's node and the pods that are on it: their addresses are not the node's. Where
        networks of pods are not told, those of the environment's own."""
        place = self._places.get(ref.member)
        if place is None:
            return ""
        node = self._nodes.get(place.node, {})
        ours = sorted(one.ip for one in self._places.values() if one.node == place.node)
        pods = (node.get("spec") or {}).get("podCIDRs") or ours
        return " ".join(dict.fromkeys([*_addresses(node), *(one for one in pods if one)]))

    def _container(self, job: NodeJob) -> str:
        place = self._places[job.seat.member]
        inside = place.containers.get(job.component)
        if inside is None or not inside.running or not inside.id:
            raise OpsError(
                "kubernetes/not-running",
                f"{job.component} does not run in the pod {place.pod}",
                where=f"member {job.seat.member}",
                hint="opsctl status",
                exit=Exit.REFUSED,
            )
        return inside.id


def node_of(job: NodeJob, places: Mapping[str, Place]) -> str:
    place = places.get(job.seat.member)
    return place.node if place else ""


def _signal(container: str) -> str:
    """Every process of a container, found by its cgroup. Neither a quote nor a "$": it stands in
    words that are quoted again, and in units, whose "$" systemd expands."""
    return (
        f"find /sys/fs/cgroup -path \\*{container}\\* -name cgroup.procs -exec cat {{}} + "
        "| sort -u | xargs kill -s"
    )


def _addresses(node: Manifest) -> list[str]:
    several: Sequence[Mapping[str, Any]] = (node.get("status") or {}).get("addresses") or ()
    return [str(one["address"]) for one in several if one["type"] == "InternalIP"]


def _image(node: str, places: Mapping[str, Place]) -> str:
    """One that the node has: a member's that runs there, or ran."""
    here = (one for place in places.values() if place.node == node
            for one in place.containers.values())  # fmt: skip
    return next((one.image for one in here), "")


def _runs(pod: Manifest) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    seen = (pod.get("status") or {}).get("containerStatuses") or ()
    return any("running" in (one.get("state") or {}) for one in seen)


def _created(api: Api, path: str, manifest: Manifest) -> None:
    try:
        api.create(path, manifest)
    except OpsError as error:
        if error.code != "kubernetes/exists":
            raise


def _never_began(answer: Answer) -> bool:
    """An agent that has just ended is listed as running for a moment."""
    return answer.exit == -1 and not answer.stdout and "container" in answer.stderr
