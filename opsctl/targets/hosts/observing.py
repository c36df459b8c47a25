"""From resources and workloads to requests, and from answers to an Observation. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsctl.errors import OpsError
from opsctl.planning.observation import Holder, Node, Observation, Problem, Turn
from opsctl.planning.resource import Actual, Owned, Resource, ResourceId
from opsctl.ports import GENERATION, Record
from opsctl.targets.hosts import layout, wire
from opsctl.targets.hosts.agents import Answers
from opsctl.targets.hosts.floating import Sights, floating_of, questions
from opsctl.targets.hosts.maintaining import maintained
from opsctl.targets.hosts.problems import clock_problems, host_problems
from opsctl.targets.hosts.values import Env, Options
from opsctl.targets.unfinished import newest, unfinished
from opsctl.workload import Member, Query, Seat, Workload

DOCUMENTS = 20  # revisions of the spec read, from the first hosts only
DOCUMENT_HOSTS = 3


@dataclass(frozen=True, slots=True)
class Question:
    """`name` is (member, component) of a standing, or (member, kind, name) of an object."""

    name: tuple[str, ...]
    member: str
    unit: str
    query: Query[Any]


class Looking:
    """What is asked of each host, and how its answer is read."""

    def __init__(
        self,
        target: str,
        environment: Env,
        hosts: Sequence[str],
        resources: Sequence[Resource],
        workloads: Sequence[Workload],
        value: wire.Value,
    ):
        self.target, self.environment, self.hosts = target, environment, hosts
        self.resources, self.workloads, self.value = resources, workloads, value

    def requests(self, key: bytes | None, options: Mapping[str, Any]) -> dict[str, Any]:
        items: dict[str, list[Any]] = {host: [] for host in self.hosts}
        for resource in self.resources:
            items[layout.host_of(resource.id.where)].append(wire.item(resource))
        return {
            host: {
                "key": key.hex() if key is not None else None,
                "options": options,
                "look": {
                    "items": items[host],
                    "queries": [
                        wire.question(q.query, q.member, q.unit, self.value)
                        for q in self.questions(host)
                    ],
                    "wishes": sorted({wish.name for _, wish in self.wishes(host)}),
                    "volumes": list(self._volumes(host, items[host])),
                    "floating": self._floating(host),
                    "documents": DOCUMENTS if index < DOCUMENT_HOSTS else 0,
                },
            }
            for index, host in enumerate(self.hosts)
        }

    def members(self, host: str) -> Iterator[tuple[Workload, Member]]:
        for workload in self.workloads:
            for member in workload.members():
                if member.seat.node == host:
                    yield workload, member

    def wishes(self, host: str) -> Iterator[tuple[Member, Any]]:
        for _, member in self.members(host):
            for component in member.components:
                for wish in component.kernel:
                    yield member, wish

    def questions(self, host: str) -> list[Question]:
        """Who each component is and how it stands, then what lives inside the servers."""
        found = []
        for workload, member in self.members(host):
            for component in member.components:
                if component.health is not None:
                    found.append(self._question(workload, member, component.health, component.name))
            for thing in workload.objects:
                if thing.member == member.name:
                    name = (thing.component, thing.kind, thing.name)
                    found.append(self._question(workload, member, thing.read, *name))
        return found

    def _question(
        self, workload: Workload, member: Member, query: Query[Any], component: str, *name: str
    ) -> Question:
        unit = layout.unit_name(self.environment.name, workload.service, component, member.name)
        return Question((member.name, *(name or (component,))), member.name, unit, query)

    def _volumes(self, host: str, items: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        mounts = {one["name"]: one["spec"].get("mount", "") for one in items}
        for _, member in self.members(host):
            for component in member.components:
                for volume in component.volumes:
                    if volume.require_mount or volume.min_free:
                        yield {
                            "member": member.name,
                            "path": volume.path,
                            "mount": mounts.get(volume.path, ""),
                            "min_free": volume.min_free,
                        }

    def _floating(self, host: str) -> list[dict[str, str]] | None:
        """Every host is asked as soon as one is: whoever answers for an address gets a name."""
        return questions(self.workloads, host, self.value) or None

    def _addresses(self, host: str) -> set[str]:
        return {one.address for _, member in self.members(host) for one in floating_of(member)}

    def _sights(self, answers: Answers) -> Sights:
        away = [host for host in self.hosts if host not in answers.given]
        seen = {host: answer["look"]["floating"] for host, answer in answers.given.items()}
        return Sights(
            self.target,
            {host: said for host, said in seen.items() if said is not None},
            {address: host for host in away for address in self._addresses(host)},
        )

    def observation(self, answers: Answers, options: Options) -> Observation:
        actual: dict[ResourceId, Actual] = {}
        nodes: dict[str, Node] = {}
        problems: list[Problem] = []
        kept = {host: answer["look"].get("clock") for host, answer in answers.given.items()}
        for host, answer in answers.given.items():
            look, where = answer["look"], layout.where(self.target, host)
            for key, found in look["actual"].items():
                one = wire.actual(key, found)
                actual[one.id] = one
            nodes[where] = _node(where, answer)
            members = [member for _, member in self.members(host)]
            problems += host_problems(
                nodes[where], look, members, options.unsupported, options.kernel
            )
        asked = kept if options.time == "check" else {}
        problems += clock_problems(self.target, answers.clocks, asked, options.time_service)
        problems += self._sights(answers).problems()
        looks = [answer["look"] for answer in answers.given.values()]
        parsed = list(self._parsed(answers))
        return Observation(
            actual=actual,
            owned=tuple(self._owned(answers)),
            seats=seats(looks),
            standings={(q.name[0], q.name[1]): read for q, read in parsed if len(q.name) == 2},
            objects={
                (q.name[0], q.name[1], q.name[2]): read
                for q, read in parsed
                if len(q.name) == 3 and read is not None
            },
            nodes=nodes,
            unreachable=self._unreachable(answers.failed),
            problems=tuple(problems),
            holder=_holder(looks),
            turns={self.target: turn(looks)} if looks else {},
            unfinished=unfinished(_noted(looks)),
            noted=newest(_noted(looks)),
            revision=max((int(look["journal"]["revision"]) for look in looks), default=0),
            documents=_documents(looks),
            maintenance=maintained(looks),
            generations=generations(looks),
        )

    def _owned(self, answers: Answers) -> Iterator[Owned]:
        """What each host has under its own name: a machine that has another one too, such as in
        another target, tells of that as well."""
        for host, answer in answers.given.items():
            for key, entry in answer["look"]["owned"].items():
                one = wire.owned(key, entry)
                if one.id.where == layout.where(self.target, host):
                    yield one

    def _parsed(self, answers: Answers) -> Iterator[tuple[Question, Any]]:
        for host, answer in answers.given.items():
            said = zip(self.questions(host), answer["look"]["answers"], strict=True)
            for question, one in said:
                if one is not None:
                    yield question, question.query.parse(wire.answer(question.query, one))

    def _unreachable(self, failed: Mapping[str, OpsError]) -> dict[str, OpsError]:
        return {layout.where(self.target, host): error for host, error in failed.items()}


def _node(where: str, answer: Mapping[str, Any]) -> Node:
    facts: dict[str, str] = dict(answer["facts"])
    if clock := answer["look"].get("clock"):
        facts["clock_kept"] = "yes" if clock["synced"] else "no"
        facts["clock_error"] = f"{clock['error']:g}"  # seconds that it can be off at most
    return Node(where, facts["system"], facts, dict(answer["look"]["packages"]))


def seats(looks: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Seat, ...]]:
    """Recorded seats by service, members in the order of their group and ordinal. A host that was
    away while a member of its own was seated elsewhere has a seat for it, too: the newest counts.
    """
    told = [wire.seat_in(entry) for look in looks for entry in look["seats"].values()]
    newest = {(service, seat.member): seat for _, service, seat in sorted(told, key=_turn)}
    found: dict[str, list[Seat]] = {}
    for (service, _), seat in newest.items():
        found.setdefault(service, []).append(seat)
    return {
        service: tuple(sorted(several, key=lambda seat: (seat.group, seat.ordinal)))
        for service, several in sorted(found.items())
    }


def _turn(told: tuple[int, str, Seat]) -> int:
    return told[0]


def _holder(looks: Sequence[Mapping[str, Any]]) -> Holder | None:
    """Who holds the lock: the newest token that a host knows."""
    held = [one for look in looks if (one := wire.holder(look["lock"]))]
    return max(held, key=lambda one: one.token, default=None)


def turn(looks: Sequence[Mapping[str, Any]]) -> Turn:
    """The newest token, and who held it. A host that a release did not reach believes in it until
    it runs out: most of those that know the token must. One on which a change goes on is enough."""
    newest = max(int(look["lock"]["highest"]) for look in looks)
    heads = [look["lock"] for look in looks if int(look["lock"]["highest"]) == newest]
    held = [one.holder for head in heads if (one := wire.holder(head))]
    busy = any(head.get("changing") for head in heads)
    return Turn(newest, held[0] if busy or (held and 2 * len(held) >= len(heads)) else "")


def _noted(looks: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
    """What any host knows of the newest runs. A host that was away knows less of them."""
    for look in looks:
        yield from map(wire.record_in, look["journal"]["records"])


def generations(looks: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Of derived secrets, as the newest run at each host had them; the greater one counts."""
    found: dict[str, int] = {}
    for record in _noted(looks):
        for name, number in record.details.items():
            if record.kind == "begin" and name.startswith(GENERATION):
                secret = name.removeprefix(GENERATION)
                found[secret] = max(int(number), found.get(secret, 1))
    return found


def _documents(looks: Sequence[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    return {int(n): text for look in looks for n, text in look["documents"].items() if text}
