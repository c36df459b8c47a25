"""Programs run beside members: requests out, answers in. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsctl.ports import Asked, Fence
from opsctl.targets.hosts import layout, wire
from opsctl.targets.hosts.agents import Answers
from opsctl.targets.hosts.values import Env
from opsctl.workload import Answer


def by_host(asked: Sequence[Asked]) -> dict[str, list[Asked]]:
    found: dict[str, list[Asked]] = {}
    for one in asked:
        found.setdefault(one.seat.node, []).append(one)
    return found


def requests(
    environment: Env, asked: Sequence[Asked], fence: Fence | None, value: wire.Value
) -> dict[str, dict[str, Any]]:
    """One request per host; where a program acts, the host checks the fence first."""
    made = {}
    for host, several in by_host(asked).items():
        questions = []
        for one in several:
            service = service_of(one.seat.member, one.seat.config_dir)
            unit = layout.unit_name(environment.name, service, one.component, one.seat.member)
            questions.append(wire.question(one.query, one.seat.member, unit, value))
        made[host] = {"ask": questions, **fencing(fence, several)}
    return made


def fencing(fence: Fence | None, asked: Sequence[Asked]) -> dict[str, Any]:
    if not any(one.mutating for one in asked):
        return {}
    if fence is None:
        raise ValueError("a program that acts wants a fence")
    return {"fence": {"token": fence.token, "holder": fence.holder}}


def service_of(member: str, config_dir: str) -> str:
    """The service of a seat, from its folder: /etc/opsctl/<environment>/<service>/<member>."""
    parts = config_dir.split("/")
    return parts[-2] if len(parts) > 2 and parts[-1] == member else member.rpartition("-")[0]


def patience(asked: Sequence[Asked]) -> float:
    """Seconds the slowest member may take for all that is asked of it."""
    total: dict[tuple[str, str], float] = {}
    for one in asked:
        key = (one.seat.node, one.seat.member)
        total[key] = total.get(key, 0) + one.query.timeout
    return max(total.values(), default=0) + 5


def answers(asked: Sequence[Asked], given: Answers) -> Mapping[tuple[str, str], tuple[Answer, ...]]:
    found: dict[tuple[str, str], tuple[Answer, ...]] = {}
    for host, several in by_host(asked).items():
        for one, answer in _paired(several, given.given.get(host)):
            key = (one.seat.member, one.component)
            found[key] = (*found.get(key, ()), answer)
    return found


def _paired(
    asked: Sequence[Asked], answer: Mapping[str, Any] | None
) -> Iterator[tuple[Asked, Answer]]:
    if answer is not None:
        for one, said in zip(asked, answer["ask"], strict=True):
            yield one, wire.answer(one.query, said)
