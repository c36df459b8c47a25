"""Every alert that wakes somebody, and the fault on real hosts by which it is seen to do so.

tests/lab/test_pages.py strikes them; a unit test sees that no page is forgotten here. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Labels = Mapping[str, str]
TARGET = 45.0  # seconds from a fault to somebody who is told, of a page


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault, by the name of its strike in the tests, and the pages that it must bring, by their
    names, each with labels that it must bear; "{name}" in one is what the strike says."""

    strike: str
    pages: Mapping[str, Labels]


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls the site in a test. Several blows strike at once, where each is to be seen and
    all of them take minutes. `alone`: that host's other pages are held back."""

    words: str
    blows: tuple[Blow, ...]
    alone: bool = False

    @property
    def pages(self) -> tuple[str, ...]:
        return tuple(name for blow in self.blows for name in blow.pages)


def _one(words: str, strike: str, alone: bool = False, **pages: Labels) -> Fault:
    return Fault(words, (Blow(strike, pages),), alone)


_MEMBER = {"member": "{member}", "host": "{host}"}
_SESSIONS = {"service": "sessions"}
_DISK = {"host": "{host}", "mountpoint": "/data"}

FAULTS: tuple[Fault, ...] = (
    # First: what is bad of half an hour is bad for long.
    _one(
        "no balancer runs",
        "balancers_stopped",
        BalancersAllDown={"service": "balancer-dc"},
        VipWithoutHolder={"address": "{vip}"},
        RouteUnreachable={**_SESSIONS, "route": "sessions"},
        RouteUnusable={**_SESSIONS, "route": "sessions"},
        SloBurnsFast=_SESSIONS,
        SloBurns=_SESSIONS,
    ),
    _one(
        "one of two balancers is stopped",
        "balancer_stopped",
        BalancerDown=_MEMBER,
        BalancersFew={"service": "balancer-dc"},
    ),
    _one(
        "a balancer reaches no member, the other does",
        "balancer_cut_from_members",
        RouteDownHere={**_MEMBER, "proxy": "sessions"},
    ),
    _one("two hosts have the address", "address_taken_twice", VipHeldTwice={"address": "{vip}"}),
    _one("a route has all the clients it takes", "route_filled", RouteFull={"proxy": "read"}),
    _one("a replica hangs", "replica_hung", RedisDown=_MEMBER),
    _one("both replicas are stopped", "replicas_stopped", RedisNoReplicas=_SESSIONS),
    _one(
        "most Sentinels are stopped",
        "sentinels_stopped",
        RedisSentinelQuorumLost=_SESSIONS,
    ),
    _one(
        "the primary hangs while nobody can agree on another",
        "primary_hung_without_sentinels",
        RedisNoPrimary=_SESSIONS,
        RouteDown={"proxy": "sessions"},
        RouteConnectionsFail={"proxy": "sessions"},
    ),
    _one(
        "the primary and its Sentinel are cut off from the others, and go on",
        "primary_cut_off",
        RedisTwoPrimaries=_SESSIONS,
        RedisSentinelsDisagree=_SESSIONS,
    ),
    _one("a server without eviction is filled", "server_filled", RedisMemoryFull=_MEMBER),
    _one(
        "clients come and go, more than are let in",
        "server_crowded",
        RedisRejectsConnections=_MEMBER,
    ),
    _one(
        "the disk of a server is full",
        "server_disk_filled",
        HostDiskFull=_DISK,
        RedisAppendFails=_MEMBER,
        RedisSnapshotFails=_MEMBER,
    ),
    _one("an Alertmanager is stopped", "alertmanager_stopped", AlertmanagerDown=_MEMBER),
    _one("a Prometheus is stopped", "prometheus_stopped", PrometheusDown=_MEMBER),
    _one(
        "a Prometheus is given a configuration without Alertmanagers",
        "prometheus_told_of_nobody",
        PrometheusTellsNobody=_MEMBER,
    ),
    _one(
        "whom people are told by refuses one Alertmanager",
        "messages_refused",
        AlertmanagerTellsNobody=_MEMBER,
    ),
    Fault(
        "a Prometheus can do nothing right, a balancer gets no memory, and a disk fills",
        (
            Blow("rule_broken", {"PrometheusRulesFail": _MEMBER}),
            Blow("prometheus_cut_off", {"PrometheusAlertsLost": _MEMBER}),
            Blow("prometheus_disk_filled", {"PrometheusStorageFails": _MEMBER}),
            Blow("balancer_starved", {"BalancerOutOfMemory": _MEMBER}),
            Blow("disk_filling", {"HostDiskFullSoon": _DISK}),
        ),
    ),
    _one(
        "a host's certificate is from 88 days ago",
        "certificate_old",
        HostCertificateEndsSoon=_MEMBER,
    ),
    _one("a disk can only be read", "disk_read_only", HostDiskReadOnly=_DISK),
    _one("a host has no memory left", "memory_gone", HostMemoryGone={"host": "{host}"}),
    _one(
        "the host of a Prometheus and an Alertmanager loses its power",
        "host_killed",
        alone=True,
        HostDown={"host": "{host}"},
    ),
    _one("most hosts are unplugged", "hosts_unplugged", HostsAway={"service": "hosts-dc"}),
)

IN_A_CLUSTER: tuple[Fault, ...] = (
    _one("no node takes a member's pod", "cordoned", MemberUnseen={"member": "{member}"}),
)
"""What only a cluster can suffer: tests/kubernetes/test_monitoring.py strikes it."""

ALL = (*FAULTS, *IN_A_CLUSTER)

LASTING: Mapping[str, str] = {
    "SloBurns": "over when the half hour behind it is good again",
}
"""Pages whose end is not waited for."""

SLOWER: Mapping[str, str] = {
    "HostDiskFullSoon": "a forecast of an hour, held for 5 min so that one large file is none",
    "MemberUnseen": "held for 1 min: a pod that moves has no address for up to half a minute",
    "PrometheusAlertsLost": "an alert that goes on firing is sent once a minute, and what was not "
    "sent can't be lost",
    "RedisNoPrimary": "held for 20 s, as a failover of the preset `safe` takes 19 s",
    "RouteConnectionsFail": "held for 1 min: a failover refuses some clients for seconds; where "
    "all are refused, RouteDown and RouteUnusable tell",
    "SloBurns": "at six times the pace a total outage needs 130 s of six hours; looked at "
    "every 30 s",
    "SloBurnsFast": "at 14.4 times the pace a total outage needs 52 s of an hour; looked at "
    "every 30 s",
}
"""Pages that may take more than TARGET, and why."""
