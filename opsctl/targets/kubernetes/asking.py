"""Programs beside members, by exec in their containers: members side by side, each within time."""

from __future__ import annotations

import secrets as random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from opsctl.errors import OpsError
from opsctl.ports import Asked
from opsctl.targets.kubernetes import programs
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.jobs import room
from opsctl.targets.kubernetes.pods import Inside, Place
from opsctl.targets.kubernetes.programs import Part, Run
from opsctl.targets.kubernetes.site import Site
from opsctl.workload import AddressRef, Answer, CertRef, SecretRef, Text

AT_ONCE: Final = 16  # execs that run at the same time
SHELL: Final = ("sh",)
# What the API server says of a caller rather than of a pod: true for every other member as well.
_CALLERS: Final = (
    "kubernetes/forbidden",
    "kubernetes/not-admitted",
    "kubernetes/unauthorized",
    "kubernetes/credentials",
)

Answers = Mapping[tuple[str, str], tuple[Answer, ...]]
Value = Callable[[SecretRef], str]


@dataclass(frozen=True, slots=True)
class Session:
    """What one shell in a container is asked: places in the list of questions, and their runs."""

    pod: str
    container: str
    at: tuple[int, ...]
    runs: tuple[Run, ...]
    acting: bool = False


def ask(
    api: Api, site: Site, places: Mapping[str, Place], asked: Sequence[Asked], value: Value
) -> Answers:
    """By (member, component), in order. A member whose pod is gone or not running is absent.

    Raises what the API server refuses the caller himself.
    """
    lines = sessions(site, places, asked, value)
    if not lines:
        return {}
    with ThreadPoolExecutor(min(AT_ONCE, len(lines))) as pool:
        done = [pair for pairs in pool.map(lambda line: _held(api, line), lines) for pair in pairs]
    return _by_component(asked, dict(done))


def sessions(
    site: Site, places: Mapping[str, Place], asked: Sequence[Asked], value: Value
) -> list[list[Session]]:
    """Pure. Each inner list runs in order: whatever acts on one member stands in one line; mere
    questions to two containers don't wait for each other."""
    members: dict[str, list[int]] = {}
    for at, one in enumerate(asked):
        members.setdefault(one.seat.member, []).append(at)
    lines: list[list[Session]] = []
    for member, mine in members.items():
        place = places.get(member)
        if place is None:
            continue
        acting = any(asked[at].mutating for at in mine)
        runs = [(at, run_of(site, place, asked[at], value)) for at in mine]
        found = list(_sessions(place, asked, runs, merged=not acting))
        lines += [found] if acting else [[one] for one in found]
    return [line for line in lines if line]


def _sessions(
    place: Place, asked: Sequence[Asked], runs: Sequence[tuple[int, Run]], *, merged: bool
) -> Iterator[Session]:
    """Runs of one container after another; `merged`: containers of one image count as one, and the
    order among them doesn't matter, but where a job's folder is needed there is only one."""

    def container(pair: tuple[int, Run]) -> str:
        one = asked[pair[0]]
        inside = _inside(place, one)
        if inside is None or not merged or one.query.job:
            return inside.name if inside else ""
        return next(
            one.name
            for one in place.containers.values()
            if one.running and one.image == inside.image
        )

    ordered = sorted(runs, key=container) if merged else runs
    for name, several in groupby(ordered, container):
        pairs = list(several)
        if name:
            at, mine = zip(*pairs, strict=True)
            yield Session(place.pod, name, at, mine, acting=not merged)


def _inside(place: Place, one: Asked) -> Inside | None:
    if not one.query.job:
        return place.running(one.component)
    found = place.containers.get(room(one.component, one.query.job))
    return found if found is not None and found.running else None


def run_of(site: Site, place: Place, one: Asked, value: Value) -> Run:
    query = one.query
    return Run(tuple(query.argv), parts(site, place, query.stdin, value), query.timeout)


def parts(site: Site, place: Place, text: Text, value: Value) -> tuple[Part, ...]:
    """Standard input: secrets filled in here, files and addresses in the pod."""
    found: list[Part] = []
    for part in text.parts:
        if isinstance(part, SecretRef):
            found.append(value(part))
        elif isinstance(part, AddressRef):
            found.append(_address(site, place, part))
        elif isinstance(part, CertRef):
            raise TypeError(f"a question holds no {part.what}")
        else:
            found.append(part)
    return tuple(found)


def _address(site: Site, place: Place, ref: AddressRef) -> Part:
    if not ref.member:
        return place.ip
    name = site.host(ref.member)
    return programs.LookUp(name) if ref.form == "ip" else name


def _held(api: Api, line: Sequence[Session]) -> list[tuple[int, Answer]]:
    """Answers by place in the list of questions, of those that could be asked."""
    given: list[tuple[int, Answer]] = []
    for one in line:
        try:
            said = hold(api, one)
        except OpsError as error:
            if error.code in _CALLERS:
                raise
            break  # this pod is out of reach; the runner asks again, or says who is absent
        given += zip(one.at, said, strict=True)
    return given


def hold(api: Api, one: Session) -> tuple[Answer, ...]:
    """The session's answers; a question that several askers have is put once. Raises OpsError when
    it never began."""
    distinct = list(one.runs) if one.acting else list(dict.fromkeys(one.runs))
    mark = random.token_hex(16)
    text = programs.session(distinct, mark)
    said = api.exec(one.pod, one.container, SHELL, text, programs.patience(distinct))
    answers = programs.answers(distinct, said, mark)
    if one.acting:
        return answers
    found = dict(zip(distinct, answers, strict=True))
    return tuple(found[run] for run in one.runs)


def _by_component(asked: Sequence[Asked], given: Mapping[int, Answer]) -> Answers:
    found: dict[tuple[str, str], tuple[Answer, ...]] = {}
    for at, one in enumerate(asked):
        if at in given:
            key = (one.seat.member, one.component)
            found[key] = (*found.get(key, ()), given[at])
    return found
