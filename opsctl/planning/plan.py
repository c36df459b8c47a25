"""The Plan: ordered steps with their changes. A value: saved, read, compared, shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from opsctl.planning.resource import Impact, ResourceId

Verb = Literal["create", "update", "remove", "start", "reload", "restart", "run"]


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute that differs; None is "not there"."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One resource's difference. Values are fingerprints or masked: never a secret."""

    id: ResourceId
    verb: Verb
    service: str
    member: str
    impact: Impact
    fields: tuple[Field, ...] = ()
    diff: tuple[str, ...] = ()  # unified diff lines, secrets masked
    loss: str = ""
    component: str = ""  # whose process it is, where it is one
    reason: str = ""  # "asked for", "no longer in the spec"


# How much of its document a plan brings about: all of it; of the services that its verb names; of
# what --limit lets through; none: a verb that leaves the spec as it is, and makes no revision.
Reach = Literal["all", "named", "part", "none"]

StepKind = Literal["converge", "prepare", "roll", "settle", "remove", "operate", "drill"]


@dataclass(frozen=True, slots=True)
class Step:
    """What one wave does at one place.

    `converge`: changes that stop nobody; all such steps that are free to go run together.
    `prepare`: what all members of a service need before any of them restarts.
    `roll`: one running member, taken when its service's rolling order says so.
    `settle`: wait until a service is whole, as far as `members` where they are named; prove it.
    Whom its members should forget they forget then; the verb says that there is somebody.
    `remove`: take away. `operate`: a verb of the service, decided when it runs.
    `drill`: a fault, while a client writes.
    """

    id: str
    kind: StepKind
    title: str
    target: str
    service: str = ""
    members: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    needs: tuple[str, ...] = ()
    impact: Impact = Impact.NONE
    besides: Impact = Impact.NONE  # what one that loses data costs besides
    verb: str = ""  # operate: switchover, failover, restart; settle: forget
    arguments: Mapping[str, str] = field(default_factory=dict)
    before: str = ""  # the gate's words
    after: str = ""

    @property
    def felt(self) -> Impact:
        """What clients feel of it, the loss of data aside: that has a consent of its own."""
        return self.besides if self.impact is Impact.DATA_LOSS else self.impact


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order that holds their needs, and what else a reader must know.

    `document` is the merged spec, so that a saved plan stands alone. `left` is what vanished from
    the spec and is left alone. `behind` says, in words, which data did not go along with a service
    whose `on:` was changed, or whose hosts went out of the spec. `uncompared` could not be compared
    without the secrets' key. `held` says which services are in maintenance, in words: an apply of
    one of them is refused.
    """

    environment: str
    document: Mapping[str, Any]
    steps: tuple[Step, ...]
    title: str = "apply"
    left: tuple[ResourceId, ...] = ()
    behind: tuple[str, ...] = ()
    uncompared: tuple[ResourceId, ...] = ()
    unreachable: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()  # refusals that apply would meet, in words
    held: Mapping[str, str] = field(default_factory=dict)  # by service
    facts: Mapping[str, str] = field(default_factory=dict)  # fingerprints of what was read, by step
    made_by: str = ""  # opsctl's version
    asked: Impact = Impact.NONE
    options: Mapping[str, Any] = field(default_factory=dict)
    reach: Reach = "all"

    @property
    def changes(self) -> Iterator[Change]:
        for step in self.steps:
            yield from step.changes

    @property
    def withheld(self) -> tuple[str, ...]:
        """The services in maintenance that it would change."""
        return tuple(sorted(self.changing & set(self.held)))

    @property
    def changing(self) -> frozenset[str]:
        """The services that it brings to what the spec says; a restart that was asked for does
        not."""
        return frozenset(change.service for change in self.changes if change.verb != "run")

    @property
    def struck(self) -> frozenset[str]:
        """The services that it breaks on purpose."""
        return frozenset(step.service for step in self.steps if step.kind == "drill")

    @property
    def empty(self) -> bool:
        return not any(step.kind != "settle" or step.verb for step in self.steps)

    @property
    def impact(self) -> Impact:
        return max((step.impact for step in self.steps), default=Impact.NONE)
