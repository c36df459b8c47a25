"""What a service can be watched by: where its metrics are, and what its rules need to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from opsctl.workload.text import SecretRef

_LONGEST = 10.0  # seconds that a target may take to answer
_ROUTE = "proxy"  # the label that names a route in what balancers tell
_PATIENT = 0.8  # of the interval: a target that is slow must not run into its next turn


def patience(interval: float) -> float:
    """Seconds that whoever asks every `interval` seconds waits for an answer."""
    return min(interval * _PATIENT, _LONGEST)


@dataclass(frozen=True, slots=True)
class Scrape:
    """Where one component of a member gives its metrics, in Prometheus's text format.

    `job` names the kind of server ("redis", "haproxy", "node"), the same wherever such a one is.
    `params` are the query's parameters. `user` and `password`: HTTP basic authentication, none
    where there is no user. `tls` server: it proves itself by a certificate of the environment's
    authority; mutual: who collects must do so too. `called`: the name that it is asked to prove, ""
    for its address. For those who collect are filled in: `host`, the member's node, by a name that
    no other of those that they watch has; `realm`, where the place is asked for that, the room that
    the member is in; `everywhere`, whether it is one of a kind that is on each node, however many
    there are; `address`, that of a member which is not of the collector's own target.
    Everything scraped gets the labels environment, service, member, host, and those of `labels`,
    where one place gives several answers; a role changes by itself, so it is a metric and never a
    label.
    """

    job: str
    member: str
    port: int
    path: str = "/metrics"
    params: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    password: SecretRef | None = None
    host: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    realm: str = ""
    everywhere: bool = False
    address: str = ""
    tls: Literal["none", "server", "mutual"] = "none"
    called: str = ""


@dataclass(frozen=True, slots=True)
class Signals:
    """What a Workload is watched by.

    `catalogue`: the name of the data that belongs to it, alerts/NAME.yaml and dashboards/NAME.yaml.
    `facts`: numbers of this service that expressions there may use as {{ name }}, such as how many
    members it has and how long a failover may take.
    """

    catalogue: str
    scrapes: tuple[Scrape, ...]
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Alerts of a service that nobody is to hear of for so many seconds; 0 ends that.

    Of `routes`, those that lead to the service, balancers tell under their own service's name.
    """

    environment: str
    service: str
    seconds: float
    who: str
    reason: str
    routes: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[Mapping[str, str], ...]:
        """It is about alerts that have all labels of one of these. Never without the environment:
        who is told may be told of others' services by the same name."""
        named = [("service", self.service), *((_ROUTE, route) for route in self.routes)]
        return tuple({"environment": self.environment, name: value} for name, value in named)

    @property
    def sign(self) -> str:
        """What the author of its silences begins with, and of those of nothing else there: routes
        come and go while a service is held."""
        return f"opsctl maintenance of {self.service} by "
