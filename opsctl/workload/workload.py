"""One service as its engine describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from opsctl.errors import OpsError
from opsctl.workload.acts import Act, Call, Gate, Hold, Object, Operations, Rolling, Standings
from opsctl.workload.backups import Backups
from opsctl.workload.entries import Entry, Traffic
from opsctl.workload.leads import Lead
from opsctl.workload.parts import Component
from opsctl.workload.seats import Seat
from opsctl.workload.signals import Quiet, Signals
from opsctl.workload.text import AUTHORITY, SecretRef


@dataclass(frozen=True, slots=True)
class Member:
    """A seat and the components that run on it."""

    seat: Seat
    components: tuple[Component, ...]

    @property
    def name(self) -> str:
        return self.seat.member

    def component(self, name: str) -> Component:
        return next(part for part in self.components if part.name == name)


@dataclass(frozen=True, slots=True)
class Group:
    """Members of one kind. `quorum` is how many must stay up for the service to go on."""

    name: str
    members: tuple[Member, ...]
    quorum: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a client reaches one member: which port, as which user, with which password.

    `console` is the client program for a person, less its password, which is handed over in the
    environment variable `password_variable` of that one program. Its words may hold `{host}` and
    `{port}`, which are filled in with where the member can be reached.
    """

    member: str
    component: str
    port: str
    user: str
    password: SecretRef
    scheme: str
    console: tuple[str, ...] = ()
    password_variable: str = ""


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything a target needs to build a service, and a runner to operate it.

    `unfit` says why members should not be added to it as it is placed. One that stands so already
    can be looked at, operated and changed. `entries`: the roles that routes can lead to.
    `traffic(service, member)`: of a balancer, how a member of a service behind it is taken out of
    clients' way; no acts where none come to it through here. `leads(standings)`: of a balancer, how
    its lanes stand; without standings, which there are. `silence(quiet)`: of one who tells
    people of alerts, how its members hold their tongues; one of them is enough.
    `strays(standings)`: whom its members still count and who is none of them any more, in words; ""
    for nobody, and wherever that can't be told. `strangers(standings)`: whom they count because he
    follows them now, perhaps on purpose: he is told of and let be.
    """

    service: str
    engine: str
    groups: tuple[Group, ...]
    rolling: Rolling
    operations: Operations
    formed: Gate  # holds once the service is whole: every member up, one primary, quorum agreed
    objects: tuple[Object, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    unfit: tuple[OpsError, ...] = ()
    entries: tuple[Entry, ...] = ()
    traffic: Callable[[str, str], Traffic] | None = None
    leads: Callable[[Standings], tuple[Lead, ...]] | None = None
    backups: Backups | None = None
    signals: Signals | None = None
    silence: Callable[[Quiet], tuple[Call, ...]] | None = None
    strays: Callable[[Standings], str] = lambda _: ""
    strangers: Callable[[Standings], tuple[OpsError, ...]] = lambda _: ()
    hold: Hold = field(default_factory=Hold)  # for a maintenance
    notes: tuple[str, ...] = ()  # what `plan --explain` says: promises, worst cases
    # What strains the service in its daily life, by name: a drill measures what clients feel of it.
    stress: Mapping[str, Callable[[Standings], tuple[Act, ...]]] = field(default_factory=dict)

    def members(self) -> Iterator[Member]:
        for group in self.groups:
            yield from group.members

    def secrets(self) -> Iterator[SecretRef]:
        """Every secret that its files and clients need, in no order, some more than once."""
        for member in self.members():
            for component in member.components:
                if component.certs:
                    yield SecretRef(AUTHORITY)
                for file in component.all_files:
                    yield from file.text.secrets
        for endpoint in self.endpoints:
            yield endpoint.password

    def member(self, name: str) -> Member:
        return next(member for member in self.members() if member.name == name)
