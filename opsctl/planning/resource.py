"""One desired thing, and what is really there.

planning/ compares them attribute by attribute and knows no more of a kind than what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class Impact(IntEnum):
    """What a change costs the clients, from nothing to everything."""

    NONE = 0
    RELOAD = 1
    RESTART = 2
    FAILOVER = 3
    DATA_LOSS = 4

    @property
    def words(self) -> str:
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, slots=True, order=True)
class ResourceId:
    """A stable identity: "file", "n1", "/etc/opsctl/shop/sessions/sessions-0/redis.conf"."""

    kind: str
    where: str  # a host or namespace, as the target names it: "dc/n1"
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} on {self.where}"

    @property
    def key(self) -> str:
        """The form that is saved."""
        return f"{self.kind}|{self.where}|{self.name}"

    @classmethod
    def parse(cls, key: str) -> ResourceId:
        kind, where, name = key.split("|", 2)
        return cls(kind, where, name)


@dataclass(frozen=True, slots=True)
class Resource:
    """A desired thing.

    `desired` maps attribute to value or fingerprint; None where it can't be known here (a secret
    without its key): then it is not compared. `impact` is what changing an attribute of an existing
    one costs. `loss` names what is lost when it is removed ("" for nothing). `payload` is the
    target's own, handed back to it on apply, neither compared nor saved.
    """

    id: ResourceId
    service: str
    member: str  # "" when the thing belongs to the node
    desired: Mapping[str, str | None]
    text: str = ""  # the whole, secrets masked, for a line diff
    impact: Mapping[str, Impact] = field(default_factory=dict)
    loss: str = ""
    protected: bool = False
    needs: tuple[ResourceId, ...] = ()
    component: str = ""  # set on what is one component's process: a unit, a pod template
    proves: bool = False  # whether certificates are part of it, or whom these make it believe
    payload: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Actual:
    """What is there. `attributes` None: nothing. `foreign`: why it must not be touched, or "".
    `amiss`: what is wrong with it, where that can be said better than by attributes."""

    id: ResourceId
    attributes: Mapping[str, str] | None
    text: str = ""
    foreign: str = ""
    amiss: str = ""


@dataclass(frozen=True, slots=True)
class Owned:
    """What the target's manifest says that opsctl put there."""

    id: ResourceId
    service: str
    member: str
    loss: str = ""
    protected: bool = False
