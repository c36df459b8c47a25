"""HostsTarget: the Target of Linux hosts over SSH."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.model import ServiceBase
from opsctl.planning.observation import Holder, Maintenance, Observation
from opsctl.planning.resource import Resource
from opsctl.ports import Asked, Events, Fence, NodeJob, Outcome, Record, Secrets, Upkeep, Work
from opsctl.targets.hosts import (
    asking,
    journals,
    layout,
    maintaining,
    nodes,
    seating,
    ssh,
    upgrading,
)
from opsctl.targets.hosts.addresses import address_of
from opsctl.targets.hosts.agents import FENCED, Agents, Answers
from opsctl.targets.hosts.cache import Cache
from opsctl.targets.hosts.certificates import with_certificates
from opsctl.targets.hosts.locking import Lock
from opsctl.targets.hosts.observing import Looking, seats
from opsctl.targets.hosts.realise import Context, realise
from opsctl.targets.hosts.ssh import Begun
from opsctl.targets.hosts.tunnels import tunnel
from opsctl.targets.hosts.values import Env, Host, Options, SshOptions
from opsctl.workload import AddressRef, Answer, CertRef, FileRef, Ref, Seat, SecretRef, Workload

_AS_MEMBER = """\
id -Gn | grep -qwE "root|adm|systemd-journal" && exec "$@"
echo "$(id -un) may not read logs here: usermod -aG systemd-journal $(id -un)" >&2
exit 1
"""
LOOK = 60.0  # seconds that one look may take on a host; it takes far less than one


class HostsTarget:
    """One named target of an environment: see opsctl.ports.Target for what each method gives."""

    pods = False

    def __init__(
        self,
        name: str,
        environment: Env,
        hosts: Mapping[str, Host],
        ssh: SshOptions,
        secrets: Secrets,
        cache_dir: Path,
        options: Options | None = None,
    ):
        self.name = name
        self.environment = environment
        self.ssh = ssh
        self.secrets = secrets
        self.options = options or Options()
        self._cache = Cache(cache_dir, environment.name, name)
        systems, self._seats = self._cache.read()
        self.hosts = {
            host: replace(about, system=about.system or systems.get(host, ""))
            for host, about in hosts.items()
        }
        self._nodes = {s.member: s.node for several in self._seats.values() for s in several}
        self._silent: set[str] = set()  # hosts that the last look did not reach
        self._begun: dict[str, Begun] = {}  # the programs that wait for a request
        self._asked = False  # the hosts of which this machine knows nothing
        self._lock = Lock(self._agents())

    def seat(
        self, services: seating.Services, recorded: seating.Recorded
    ) -> Mapping[str, tuple[Seat, ...]]:
        seated = seating.seat(self.environment, self.hosts, services, recorded)
        self._know(seat for several in seated.values() for seat in several)
        return seated

    def recorded(self, *, ask: bool = True) -> Mapping[str, tuple[Seat, ...]]:
        """As this machine remembers. Hosts of which it knows nothing are asked once."""
        known = self._seats and all(host.system for host in self.hosts.values())
        if ask and not known and not self._asked:
            self._asked = True
            answers = self._send(self._all({"seats": True}))
            looks = [answer for answer in answers.given.values() if "seats" in answer]
            self._remember(answers, seats(looks))
        return self._seats

    @contextmanager
    def expecting(self) -> Iterator[None]:
        agents = self._agents()
        try:
            agents.begin()
            yield
        finally:
            agents.abandon()

    def realise(
        self, workloads: Sequence[Workload], services: Mapping[str, ServiceBase]
    ) -> tuple[Resource, ...]:
        self._know(member.seat for workload in workloads for member in workload.members())
        return realise(self.context, workloads, services)

    def observe(self, resources: Sequence[Resource], workloads: Sequence[Workload]) -> Observation:
        self._know(member.seat for workload in workloads for member in workload.members())
        looking = Looking(
            self.name, self.environment, tuple(self.hosts), resources, workloads, self._glimpse
        )
        requests = looking.requests(self.secrets.key, self.host_options)
        agents = replace(self._agents(), stragglers=self.options.stragglers)
        answers = agents.send(requests, LOOK)
        self._silent |= answers.unreached
        found = looking.observation(answers, self.options)
        found = with_certificates(self.context, resources, found)
        heads = [int(answer["look"]["lock"]["highest"]) for answer in answers.given.values()]
        self._lock.highest = max([self._lock.highest, *heads])
        self._remember(answers, found.seats)
        return found

    def apply(self, work: Sequence[Work], fence: Fence, events: Events) -> Mapping[str, Outcome]:
        from opsctl.targets.hosts.applying import Applying  # ansible: only where it is used

        applying = Applying(self._agents(), self.context, self.host_options)
        return applying.run(work, fence, events)

    def ask(
        self, asked: Sequence[Asked], fence: Fence | None = None
    ) -> Mapping[tuple[str, str], tuple[Answer, ...]]:
        self._know(one.seat for one in asked)
        requests = asking.requests(self.environment, asked, fence, self._value)
        answers = self._send(requests, asking.patience(asked))
        _raise_fenced(answers)
        return asking.answers(asked, answers)

    def on_nodes(
        self, jobs: Sequence[NodeJob], fence: Fence | None = None
    ) -> tuple[Answer | None, ...]:
        self._know(job.seat for job in jobs)
        requests = nodes.requests(self.environment, jobs, fence, self._value)
        answers = self._send(requests, nodes.patience(jobs))
        _raise_fenced(answers)
        return nodes.answers(jobs, answers)

    def take_pod(self, seat: Seat, fence: Fence, *, evict: bool) -> None:  # noqa: ARG002
        raise OpsError(
            "drills/no-pods", f"{seat.member} is no pod", where=self.name, exit=Exit.REFUSED
        )

    def located(self, seats: Sequence[Seat]) -> tuple[Seat, ...]:
        return tuple(seats)

    def log_lines(
        self, places: Sequence[tuple[Seat, str]], since: float
    ) -> tuple[tuple[str, tuple[tuple[float, str], ...]] | None, ...]:
        return nodes.log_lines(places, self.on_nodes(nodes.log_jobs(places, since)))

    def cut_power(self, seats: Sequence[Seat], seconds: float) -> tuple[float, float] | None:
        if self.options.cut_power is None:
            return None
        return self.options.cut_power(tuple(dict.fromkeys(seat.node for seat in seats)), seconds)

    def beside(self, seat: Seat, argv: Sequence[str]) -> Sequence[str]:
        return ssh.command(self._host(seat.node), self.ssh, *map(shlex.quote, argv))

    def clocks(self) -> Mapping[str, tuple[float, float]]:
        return self._send(self._all({})).clocks

    def newest(self, workloads: Sequence[Workload]) -> Mapping[str, Mapping[str, str]]:
        self._know(member.seat for workload in workloads for member in workload.members())
        requests = upgrading.requests(workloads, self.host_options["apt"])
        return upgrading.agreed(self.name, self._send(requests, upgrading.FETCH))

    def tunnel(self, seat: Seat, port: int) -> AbstractContextManager[int]:
        where = layout.where(self.name, seat.node)
        return tunnel(where, self._host(seat.node), self.ssh, port)

    def address(self, seat: Seat) -> str:
        return self._host(seat.node).address

    def logs(self, seat: Seat, component: str, lines: int, follow: bool) -> Sequence[str]:
        service = asking.service_of(seat.member, seat.config_dir)
        unit = layout.unit_name(self.environment.name, service, component, seat.member)
        host = self._host(seat.node)
        words = ["journalctl", "-u", unit, "-n", str(lines), "--no-pager"]
        if follow:
            words.append("-f")
        if ssh.becomes(host, self.ssh):
            # A command for the caller's terminal carries no password: then the journal's group must
            # do. journalctl alone would show an empty log to those who are not in it.
            asks = self.ssh.become_password is not None
            before = ["sh", "-c", shlex.quote(_AS_MEMBER), "sh"] if asks else ["sudo", "-n"]
            words = [*before, *words]
        return ssh.command(host, self.ssh, *words)

    def acquire(self, holder: str, ttl: float) -> Fence:
        return self._lock.acquire(holder, ttl)

    def renew(self, fence: Fence, ttl: float) -> None:
        self._lock.renew(fence, ttl)

    def release(self, fence: Fence) -> None:
        self._lock.release(fence)

    def break_lock(self, reason: str, who: str) -> Holder | None:
        return self._lock.take(f"{who}: {reason}")

    def record(
        self, records: Sequence[Record], fence: Fence, document: Mapping[str, Any] | None = None
    ) -> None:
        """Raises hosts/fenced, or why no host took the records."""
        proof = {"fence": {"token": fence.token, "holder": fence.holder}}
        request = {**journals.appending(records, document), **proof}
        answers = self._agents().most().send(self._speaking(request))
        _raise_fenced(answers)
        if not answers.given:
            raise next(iter(answers.failed.values()), _nobody(self.name))

    def maintain(self, upkeep: Upkeep, fence: Fence) -> Mapping[str, str]:
        self._know(seat for seat, _ in upkeep.pins)
        requests = maintaining.requests(self.environment, self.hosts, upkeep, fence)
        answers = self._send(requests, maintaining.WORK)
        _raise_fenced(answers)
        return maintaining.failed(self.name, answers)

    def maintenance(self) -> Mapping[str, Maintenance]:
        answers = self._send(self._speaking({"held": True}))
        return maintaining.maintained(list(answers.given.values()))

    def history(self, limit: int) -> tuple[Record, ...]:
        answers = self._send(self._speaking({"history": limit}))
        if not answers.given:
            raise next(iter(answers.failed.values()), _nobody(self.name))
        return journals.merged([one["history"] for one in answers.given.values()], limit)

    def document(self, revision: int) -> Mapping[str, Any] | None:
        """The spec of an earlier revision, however old; None when no host has kept it."""
        answers = self._send(self._all({"document": revision}))
        kept = (answer["document"] for answer in answers.given.values())
        return next((document for document in kept if document is not None), None)

    @property
    def context(self) -> Context:
        return Context(self.name, self.environment, self.secrets, self.options, self._address_of)

    @property
    def host_options(self) -> Mapping[str, Any]:
        packages = self.options.packages
        apt = {"proxy": packages.proxy, "lock_wait": packages.lock_wait}
        return {"apt": apt, "firewall": self.options.firewall}

    def _agents(self) -> Agents:
        return Agents(
            self.name,
            self.environment,
            self.hosts,
            self.ssh,
            self.secrets,
            self._silent,
            self._begun,
        )

    def _send(self, requests: Mapping[str, Mapping[str, Any]], work: float = 20.0) -> Answers:
        return self._agents().send(requests, work)

    def _all(self, request: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        return dict.fromkeys(self.hosts, request)

    def _speaking(self, request: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """For what need not be at every host: less those that the last look did not reach."""
        return dict.fromkeys(self._agents().speaking, request)

    def _host(self, node: str) -> Host:
        if node not in self.hosts:
            hint = f"it has {', '.join(self.hosts)}"
            message = f"target {self.name} has no host {node}"
            raise OpsError("hosts/unknown-host", message, hint=hint, exit=Exit.INPUT)
        return self.hosts[node]

    def _know(self, several: Any) -> None:
        self._nodes |= {seat.member: seat.node for seat in several}

    def _address_of(self, ref: AddressRef) -> str:
        return address_of(self.hosts, self._nodes, ref)

    def _value(self, ref: Ref) -> str:
        """What stands in a program's standard input. Raises secrets/unknown without the key."""
        if isinstance(ref, AddressRef):
            return self._address_of(ref)
        if isinstance(ref, FileRef):
            raise TypeError(f"{ref.path} is read on the host")
        return self.context.known(ref)

    def _glimpse(self, ref: Ref) -> str:
        """The same for a look, which goes on without the root key: what is not known is empty."""
        if isinstance(ref, SecretRef | CertRef):
            return self.context.value(ref) or ""
        return self._value(ref)

    def _remember(self, answers: Answers, found: Mapping[str, Sequence[Seat]]) -> None:
        """Keep systems and seats for the next run; of hosts that did not answer, what was known."""
        systems = {host: answer["facts"]["system"] for host, answer in answers.given.items()}
        self.hosts = {
            host: replace(about, system=systems.get(host, about.system))
            for host, about in self.hosts.items()
        }
        silent = set(self.hosts) - set(answers.given)
        merged: dict[str, tuple[Seat, ...]] = {}
        for service in {**self._seats, **found}:
            told = found.get(service, ())
            members = {seat.member for seat in told}
            kept = [seat for seat in self._seats.get(service, ()) if seat.node in silent]
            both = [*told, *(seat for seat in kept if seat.member not in members)]
            if both:
                order = sorted(both, key=lambda seat: (seat.group, seat.ordinal))
                merged[service] = tuple(order)
        self._seats = merged
        self._know(seat for several in merged.values() for seat in several)
        known = {host: about.system for host, about in self.hosts.items() if about.system}
        self._cache.write(known, merged)


def _raise_fenced(answers: Answers) -> None:
    """A host that refuses the fence speaks for all: nothing more may be done with it."""
    for error in answers.failed.values():
        if error.code == FENCED:
            raise error


def _nobody(target: str) -> OpsError:
    hint = "opsctl preflight shows all hosts"
    return OpsError("hosts/unreachable", f"no host of {target} can be reached", hint=hint)
