"""How a balancer finds the members that may serve a role, and where their clients go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from opsctl.workload.acts import Act, Standings
from opsctl.workload.signals import Scrape
from opsctl.workload.text import Text

Role = Literal["primary", "replica", "any"]

NEW = "{new}"
"""In a trial's exchanges: 16 digits that are others each time."""


@dataclass(frozen=True, slots=True)
class Say:
    """One exchange on a connection: what is sent, and what the answer must contain.

    `expect` is plain text; with `pattern` an extended regular expression without back references,
    which every balancer has. It holds text and addresses, never a secret: balancers show it. A
    secret in `send` must be one that needs no quoting, as derived ones are (A-Z a-z 0-9 - _).
    """

    send: Text
    expect: Text
    pattern: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A connection to `port` on which every exchange goes as expected, in order."""

    port: int
    says: tuple[Say, ...] = ()


@dataclass(frozen=True, slots=True)
class Voter:
    """Somebody who knows which member has the role, asked about one member."""

    member: str
    check: Check


@dataclass(frozen=True, slots=True)
class Backend:
    """One member as a role's server: how it is asked itself, and who must agree.

    A returning member may take itself for the primary. So `needed` of `voters` must name it too,
    more than half of all, for then they can't name another one at the same time. All voters are
    asked the same of one member; every backend of an entry is asked the same itself.

    One of `vetoes` who passes is enough against it: the member is being replaced, whoever still
    names it. `node`: where the member sits, and who is asked of that name; "" if nobody knows.
    """

    member: str
    host: Text
    port: int  # where its clients go
    check: Check
    voters: tuple[Voter, ...] = ()
    needed: int = 0
    vetoes: tuple[Voter, ...] = ()
    node: str = ""


@dataclass(frozen=True, slots=True)
class Timing:
    """How soon a balancer believes a change; seconds.

    It asks every `interval`, and every `recheck` while the answers contradict what it believes.
    `silence` is after how long of silence the service itself replaces a member, 0 where nobody
    does: a balancer that holds it for gone before that never sends it a client when it comes back
    as what it was.
    """

    interval: float
    timeout: float
    falls: int
    recheck: float
    silence: float

    @property
    def worst(self) -> float:
        """Until a member that falls silent gets no more clients."""
        return self.interval + self.timeout + (self.falls - 1) * (self.recheck + self.timeout)

    @property
    def tolerates(self) -> float:
        """How long a member may stall without losing its clients."""
        return self.timeout + (self.falls - 1) * (self.recheck + self.timeout)


@dataclass(frozen=True, slots=True)
class Entry:
    """A role that clients can be led to.

    `fresh` gives the exchanges which only a member that heard of its primary within so many
    seconds passes; it raises SpecError for a time that can't be told. None: lag can't be asked.
    `prove(standings, host, port)` gives the acts beside the service's own members that show that
    whoever comes in there is served in this role; None where nothing can be run beside them.
    `trial(name)` gives the exchanges by which a client sees on a new connection that it is served:
    what it writes stands apart under `name`, holds NEW, is read back and goes by itself. None:
    nobody is to try.
    """

    role: Role
    scheme: str  # "redis"
    port: int  # the one that clients expect
    backends: tuple[Backend, ...]
    timing: Timing
    fresh: Callable[[float], tuple[Say, ...]] | None = None
    prove: Callable[[Standings, str, int], tuple[Act, ...]] | None = None
    trial: Callable[[str], tuple[Say, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """One route as its balancers see it: clients come in at `address` (or at the balancer's own)
    and `port`, and go on to the entry's backends.

    `door`: a name that leads each client to the balancer beside it, where the target has one.
    """

    name: str
    service: str
    entry: Entry
    port: int
    address: str = ""  # the floating one; "" where clients use the balancers' own addresses
    balance: Literal["roundrobin", "leastconn", "source", "first"] = "leastconn"
    max_connections: int | None = None
    door: str = ""

    @property
    def host(self) -> str:
        """What clients connect to; "" where each balancer has an address of its own."""
        return self.address or self.door


@dataclass(frozen=True, slots=True)
class Way:
    """One route as its clients see it: each of `hosts` leads to the service, and a client that one
    of them does not let in tries the next.

    `trial` as that of its Entry. `latency`: seconds that a request may take, None for any.
    """

    route: str
    service: str
    hosts: tuple[Text, ...]
    port: int
    trial: Callable[[str], tuple[Say, ...]] | None = None
    latency: float | None = None


@dataclass(frozen=True, slots=True)
class Vip:
    """A floating address of balancers. `router_id` is VRRP's, 1 to 255, one per network."""

    address: str
    prefix: int | None
    interface: str
    router_id: int
    first: int = 0  # the ordinal that holds it when all are up: addresses are spread


@dataclass(frozen=True, slots=True)
class Directory:
    """What others have said before an engine speaks.

    `ways`: for those who use services through their routes, all of their target.

    For those who collect metrics and for nobody else: `environment`, its name; `watched`, by
    service, where its metrics are; `alerting`, those who are told of alerts, at the port where they
    give their metrics; `rules`, files of recording and alerting rules for Prometheus, by name.
    """

    lanes: tuple[Lane, ...] = ()
    vips: tuple[Vip, ...] = ()
    ways: tuple[Way, ...] = ()
    environment: str = ""
    watched: Mapping[str, tuple[Scrape, ...]] = field(default_factory=dict)
    alerting: tuple[Scrape, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Traffic:
    """How a member is taken out of clients' way before it is stopped, and put back after it."""

    drain: tuple[Act, ...] = field(default_factory=tuple)
    undrain: tuple[Act, ...] = field(default_factory=tuple)
