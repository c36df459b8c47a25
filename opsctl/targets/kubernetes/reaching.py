"""The doors that reach into pods and onto nodes, all of them through the API server."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Final

from opsctl.errors import Exit, OpsError
from opsctl.ports import Asked, Fence, NodeJob, Secrets
from opsctl.targets.kubernetes import asking
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.channels import STDOUT
from opsctl.targets.kubernetes.commands import program
from opsctl.targets.kubernetes.kinds import KINDS
from opsctl.targets.kubernetes.live import ENVIRONMENT
from opsctl.targets.kubernetes.nodes import Nodes
from opsctl.targets.kubernetes.pods import Inside, Place, located, missing, places
from opsctl.targets.kubernetes.site import Manifest, Site
from opsctl.targets.kubernetes.streams import Stream, open_stream
from opsctl.workload import Answer, Seat, SecretRef

Spoken = tuple[str, tuple[tuple[float, str], ...]]
# Of these nodes, for so many seconds: the first and the last moment in which it may have happened.
CutPower = Callable[[tuple[str, ...], float], tuple[float, float]]

_SESSION: Final = "opsctl.targets.kubernetes.session"
_PLACED: Final = 60.0  # seconds within which a new DaemonSet has made its pods
_LOOK: Final = 0.5  # seconds between two looks
_TICKS: Final = 5  # times that a clock is read; the quickest answer tells best
# A date without %N gives whole seconds.
_CLOCK: Final = 'while read -r _; do date "+%s.%N"; done'


class Reach:
    """See opsctl.ports.Target for what each method gives. `check` refuses a fence that is stale."""

    def __init__(
        self,
        api: Api,
        site: Site,
        secrets: Secrets,
        check: Callable[[Fence], None],
        cut_power: CutPower | None = None,
    ) -> None:
        self.api, self.site, self._secrets = api, site, secrets
        self._check, self._cut_power = check, cut_power
        self._nodes = Nodes(api, site)

    def places(self) -> Mapping[str, Place]:
        """Where every member is now."""
        return places(self._pods())

    def located(self, seats: Sequence[Seat]) -> tuple[Seat, ...]:
        """Raises kubernetes/pod where a node that should have a pod for its clients gets none."""
        if any(seat.near_clients and not seat.node for seat in seats):
            self._await_everywhere()
        known = self.places()
        return tuple(one for seat in seats for one in located(seat, known))

    def ask(self, asked: Sequence[Asked], fence: Fence | None = None) -> asking.Answers:
        if any(one.mutating for one in asked):
            self._fenced(fence)
        return asking.ask(self.api, self.site, self.places(), asked, self._known)

    def questions(self, pods: Iterable[Manifest], asked: Sequence[Asked]) -> asking.Answers:
        """For a look, which has listed the pods already and goes on without the root key."""
        return asking.ask(self.api, self.site, places(pods), asked, self._glimpse)

    def on_nodes(
        self, jobs: Sequence[NodeJob], fence: Fence | None = None
    ) -> tuple[Answer | None, ...]:
        if fence is not None:
            self._check(fence)
        return self._nodes.run(jobs, self.places(), self._known)

    def log_lines(
        self, wanted: Sequence[tuple[Seat, str]], since: float
    ) -> tuple[Spoken | None, ...]:
        known = self.places()

        def one(pair: tuple[Seat, str]) -> Spoken | None:
            place = known.get(pair[0].member)
            return self._said(place, pair[1], since) if place else None

        with ThreadPoolExecutor(asking.AT_ONCE) as pool:
            return tuple(pool.map(one, wanted))

    def cut_power(self, seats: Sequence[Seat], seconds: float) -> tuple[float, float] | None:
        if self._cut_power is None:
            return None
        known = self.places()
        nodes = [known[seat.member].node for seat in seats if seat.member in known]
        return self._cut_power(tuple(dict.fromkeys(node for node in nodes if node)), seconds)

    def take_pod(self, seat: Seat, fence: Fence, *, evict: bool) -> None:
        """Raises drills/evict with the budget that holds it."""
        self._check(fence)
        pod = self._place(seat).pod
        path = KINDS["Pod"].path(self.site.namespace, pod)
        if not evict:
            self.api.delete(path)
            return
        metadata = {"name": pod, "namespace": self.site.namespace}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        try:
            self.api.create(f"{path}/eviction", eviction)
        except OpsError as error:
            if error.code != "kubernetes/budget":
                raise
            raise OpsError(
                "drills/evict",
                f"a disruption budget keeps {seat.member}: {error.message}",
                where=self.site.where,
                hint=f"a drain would wait; kubectl -n {self.site.namespace} get pdb",
                exit=Exit.REFUSED,
            ) from None

    def beside(self, seat: Seat, argv: Sequence[str]) -> Sequence[str]:
        place = self._place(seat)
        container = next((one.name for one in place.containers.values() if one.running), "")
        if not container:
            raise _not_running(place, seat, "none of its containers")
        return self._session("exec", place.pod, container, *program(argv))

    def clocks(self) -> Mapping[str, tuple[float, float]]:
        inside = {
            place.node: (place.pod, one.name)
            for place in self.places().values()
            for one in place.containers.values()
            if one.running
        }
        with ThreadPoolExecutor(asking.AT_ONCE) as pool:
            read = pool.map(lambda pair: self._clock(*pair), inside.values())
            return {node: one for node, one in zip(inside, read, strict=True) if one}

    def tunnel(self, seat: Seat, port: int) -> AbstractContextManager[int]:
        return self.api.port_forward(self._place(seat).pod, port)

    def logs(self, seat: Seat, component: str, lines: int, follow: bool) -> Sequence[str]:
        more = ("--follow",) if follow else ()
        pod = self._place(seat).pod
        return self._session("log", pod, component, "--lines", str(lines), *more)

    def _pods(self) -> tuple[Manifest, ...]:
        return self._listed("Pod")

    def _listed(self, kind: str) -> tuple[Manifest, ...]:
        selector = f"{ENVIRONMENT}={self.site.environment}"
        return self.api.list(KINDS[kind].path(self.site.namespace), selector)

    def _await_everywhere(self) -> None:
        """Until every DaemonSet has a pod on each node that it wants one on."""
        deadline = time.monotonic() + _PLACED
        while wanting := missing(self._listed("DaemonSet"), self._pods()):
            if time.monotonic() >= deadline:
                raise OpsError(
                    "kubernetes/pod",
                    f"after {_PLACED:g} s {wanting}",
                    where=self.site.where,
                    hint=f"kubectl -n {self.site.namespace} describe daemonset",
                )
            time.sleep(_LOOK)

    def _place(self, seat: Seat) -> Place:
        place = self.places().get(seat.member)
        if place is None:
            raise OpsError(
                "kubernetes/no-pod",
                f"{seat.member} has no pod",
                where=self.site.where,
                hint="opsctl status",
                exit=Exit.UNOBSERVED,
            )
        return place

    def _session(self, *words: str) -> Sequence[str]:
        # -P: a file of the caller's own folder is never taken for a module of ours.
        own = (sys.executable, "-P", "-m", _SESSION)
        return [*own, *self.api.connection.options, "-n", self.site.namespace, *words]

    def _fenced(self, fence: Fence | None) -> None:
        if fence is None:
            raise ValueError("a program that acts wants a fence")
        self._check(fence)

    def _known(self, ref: SecretRef) -> str:
        value = self._secrets.value(ref)
        if value is None:
            raise OpsError(
                "secrets/unknown",
                f"the secret {ref.name} is not known here",
                where=self.site.where,
                hint="is the root key here? opsctl secrets",
                exit=Exit.REFUSED,
            )
        return value

    def _glimpse(self, ref: SecretRef) -> str:
        return self._secrets.value(ref) or ""

    def _said(self, place: Place, component: str, since: float) -> Spoken | None:
        """The lines of a container, and of the one before it if it died since then."""
        inside = place.containers.get(component)
        if inside is None:
            return None
        try:
            texts = [self._log(place, inside, since, previous=False)]
            if inside.restarts:
                texts.insert(0, self._log(place, inside, since, previous=True))
        except OpsError as error:
            if error.code == "kubernetes/forbidden":
                raise
            return None
        lines = (line for text in texts for line in text.splitlines())
        return place.node, tuple(one for line in lines if (one := stamped(line)) and one[0] > since)

    def _log(self, place: Place, inside: Inside, since: float, *, previous: bool) -> str:
        stamp = datetime.fromtimestamp(int(since), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = {"container": inside.name, "timestamps": "true", "sinceTime": stamp}
        path = f"{KINDS['Pod'].path(self.site.namespace, place.pod)}/log"
        try:
            return self.api.text(path, query | ({"previous": "true"} if previous else {}))
        except OpsError as error:
            if not previous or error.code in ("kubernetes/unreachable", "kubernetes/forbidden"):
                raise
            return ""  # its node has thrown the older log away

    def _clock(self, pod: str, container: str) -> tuple[float, float] | None:
        """None where it can't be asked."""
        try:
            stream = open_stream(self.api, pod, container, ("sh", "-c", _CLOCK))
        except OpsError:
            return None
        try:
            return min(
                (one for _ in range(_TICKS) if (one := _tick(stream))),
                key=lambda one: one[1],
                default=None,
            )
        except OpsError:
            return None
        finally:
            stream.close()


def _tick(stream: Stream) -> tuple[float, float] | None:
    """How far ahead it is, and half the time that asking took: so sure it is."""
    began = time.time()
    stream.write(b"\n")
    while found := stream.read(5.0):
        channel, data = found
        if channel == STDOUT and data.strip():
            ended = time.time()
            return clock_read(data.decode(), began, ended)
        if channel != STDOUT:
            return None
    return None


def clock_read(said: str, began: float, ended: float) -> tuple[float, float] | None:
    """(ahead, uncertainty) from what `date` said between two moments of ours; in seconds."""
    whole, _, rest = said.strip().partition(".")
    if not whole.isdigit():
        return None
    exact = rest.isdigit()
    at = float(f"{whole}.{rest}") if exact else float(whole) + 0.5
    return at - (began + ended) / 2, (ended - began) / 2 + (0.0 if exact else 0.5)


def stamped(line: str) -> tuple[float, str] | None:
    """A log's line with its time: "2026-01-02T03:04:05.123456789Z text"."""
    stamp, _, text = line.partition(" ")
    day, dot, rest = stamp.partition(".")
    try:
        at = datetime.fromisoformat(day.removesuffix("Z") + "+00:00").timestamp()
        return at + (float(f"0.{rest.removesuffix('Z')}") if dot else 0.0), text
    except ValueError:
        return None


def _not_running(place: Place, seat: Seat, what: str) -> OpsError:
    return OpsError(
        "kubernetes/not-running",
        f"{what} runs in the pod {place.pod}",
        where=f"member {seat.member}",
        hint="opsctl status",
        exit=Exit.UNOBSERVED,
    )
