"""Who may do what: people's users from the spec, and opsctl's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from opsctl.workload import SecretRef

OPS = "opsctl"
REPLICA = "opsctl-replica"
SENTINEL = "opsctl-sentinel"
PEER = "opsctl-peer"
ROUTE = "opsctl-route"
METRICS = "opsctl-metrics"
PROBE = "opsctl-probe"  # also what its keys begin with

DEFAULT_COMMANDS = "+@all -@admin -@dangerous +info +role"
_COMMAND = re.compile(r"[+-]@?[a-z0-9][a-z0-9_|-]*")

# What Sentinel asks of the servers it watches: Redis's own documentation of Sentinel and ACLs.
_SENTINEL_NEEDS = (
    "&* -@all +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info "
    "+client|setname +client|kill +script|kill"
)
# What Sentinels ask of each other: hello messages, votes, and whether they are there.
_PEER_NEEDS = (
    "resetchannels &__sentinel__:hello -@all +auth +hello +ping +publish +client|setname "
    "+sentinel|is-master-down-by-addr"
)
# What balancers ask of a server, and of a Sentinel: who is primary.
_ROUTE_NEEDS = "resetchannels -@all +auth +hello +ping +role +info"
_ROUTE_NEEDS_OF_SENTINEL = (
    "resetchannels -@all +auth +hello +ping +sentinel|get-master-addr-by-name +sentinel|master"
)
# What the exporter asks of a server, and of a Sentinel: numbers, and never a key or a password.
_METRICS_NEEDS = (
    "resetchannels -@all +auth +hello +ping +info +latency|latest +slowlog|len +slowlog|get"
)
_METRICS_NEEDS_OF_SENTINEL = (
    "resetchannels -@all +auth +hello +ping +info +sentinel|masters +sentinel|sentinels "
    "+sentinel|slaves +sentinel|replicas +sentinel|ckquorum"
)
# What is written and read through a route to see that clients are served: keys of its own.
_PROBE_NEEDS = f"~{PROBE}:* resetchannels -@all +auth +hello +ping +get +set"
# What a Sentinel-aware client asks: who is primary, who replicates, and to be told of changes.
_CLIENT_NEEDS = (
    "&* -@all +auth +hello +ping +role +info +subscribe +psubscribe +unsubscribe +punsubscribe "
    "+client|setname +sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters "
    "+sentinel|replicas +sentinel|slaves +sentinel|sentinels"
)


@dataclass(frozen=True, slots=True)
class Account:
    """One user of a server. `rules` are what it may do, in the server's words, no password."""

    name: str
    rules: str
    password: SecretRef

    @property
    def line(self) -> str:
        """The user as ACL LIST shows it and as an ACL file holds it."""
        return f"{self.name} on sanitize-payload #{self.password} {self.rules}"


def secret(service: str, user: str, form: str = "sha256", given: str | None = None) -> SecretRef:
    """The user's password: derived from the service's name, or given by a person."""
    name = given if given is not None else f"{service}/user/{user}"
    plain = form == "plain"
    return SecretRef(name, "plain" if plain else "sha256", given=given is not None)


def key_rules(patterns: str) -> str:
    """Key patterns as ACL words; `%R~x` and `~x` are taken as they are."""
    return " ".join(word if word[0] in "~%" else f"~{word}" for word in patterns.split())


def channel_rules(patterns: str) -> str:
    """Channel patterns as ACL words."""
    words = [word if word[0] == "&" else f"&{word}" for word in patterns.split()]
    return "&*" if "&*" in words else " ".join(["resetchannels", *words])


def command_rules(commands: str) -> str:
    """Command rules as ACL words; ValueError names a word that is none."""
    words = commands.lower().split()
    for word in words:
        if _COMMAND.fullmatch(word) is None:
            raise ValueError(f'"{word}" is no command rule: +get, -keys, +@read, +config|get')
    return " ".join(["-@all", *words] if words[:1] != ["+@all"] else words)


def rules(keys: str, channels: str, commands: str) -> str:
    """What a user may do, in the order in which the server shows it."""
    words = (key_rules(keys), channel_rules(channels), command_rules(commands))
    return " ".join(word for word in words if word)


def redis_accounts(
    service: str,
    people: Iterable[Account],
    *,
    sentinel: bool,
    metrics: bool = False,
    probed: bool = False,
) -> tuple[Account, ...]:
    """The users of a data server, opsctl's own first."""
    own = [
        Account(OPS, "~* &* +@all", secret(service, OPS)),
        Account(REPLICA, "resetchannels -@all +psync +replconf +ping", secret(service, REPLICA)),
    ]
    if sentinel:
        own.append(Account(SENTINEL, _SENTINEL_NEEDS, secret(service, SENTINEL)))
    own.append(Account(ROUTE, _ROUTE_NEEDS, secret(service, ROUTE)))
    if metrics:
        own.append(Account(METRICS, _METRICS_NEEDS, secret(service, METRICS)))
    if probed:
        own.append(Account(PROBE, _PROBE_NEEDS, secret(service, PROBE)))
    return (*own, *people)


def sentinel_accounts(
    service: str, people: Iterable[Account], *, metrics: bool = False
) -> tuple[Account, ...]:
    """The users of a Sentinel: people may ask it where the primary is and no more."""
    return (
        Account(OPS, "~* &* +@all", secret(service, OPS)),
        Account(PEER, _PEER_NEEDS, secret(service, PEER)),
        Account(ROUTE, _ROUTE_NEEDS_OF_SENTINEL, secret(service, ROUTE)),
        *(
            [Account(METRICS, _METRICS_NEEDS_OF_SENTINEL, secret(service, METRICS))]
            if metrics
            else []
        ),
        *(Account(person.name, _CLIENT_NEEDS, person.password) for person in people),
    )
