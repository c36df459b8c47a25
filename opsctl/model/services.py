"""Services: the keys that all engines share. An engine adds its own in a subclass."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from opsctl.model.base import Model, Name, Port, problem
from opsctl.model.cron import Cron
from opsctl.model.findings import Finding
from opsctl.model.quantities import Bytes, Duration, Retention

Replicas: TypeAlias = Annotated[int, Field(ge=1, le=99)]
_Word: TypeAlias = str | int | float | bool
Setting: TypeAlias = Annotated[
    Annotated[_Word, Tag("one")] | Annotated[tuple[_Word, ...], Tag("list")],
    Discriminator(lambda value: "list" if isinstance(value, list | tuple) else "one"),
]
"""A native setting's value: a text, a number, true or false, or a list of these."""

_ENDPOINT = r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*):[0-9]{1,5}$"
# Scripts and units hold it as it is written.
_FOLDER = r"^/[\w./@:+,=~-]+$"
_UNMANAGED = ("on", "place", "replicas", "storage", "backup", "failover", "port")


class Placement(Model):
    """Which hosts a service's members may sit on, and how they spread."""

    noun = "place"
    hosts: tuple[str, ...] = Field((), description="Only these hosts, by name.")
    labels: dict[str, str] = Field({}, description="Only hosts with these labels.")
    count: int | None = Field(None, ge=1, description="Use at most so many hosts.")
    spread: Literal["rack", "host"] = Field(
        "rack", description="Keep members apart by rack where racks are known, or by host."
    )


class Storage(Model):
    """Where a member keeps its data."""

    noun = "storage"
    path: str | None = Field(
        None,
        pattern=_FOLDER,
        description="The data folder, an absolute path without spaces (hosts).",
    )
    require_mount: bool = Field(
        False, description="Keep the server down while nothing is mounted there."
    )
    min_free: Bytes | None = Field(None, description="Refuse to start with less free space.")
    size: Bytes | None = Field(None, description="The size of a volume (Kubernetes).")


class Slo(Model):
    """What clients are promised."""

    noun = "slo"
    rto: Duration | None = Field(None, description="Longest cut-off when a member fails.")
    rpo: Duration | None = Field(None, description="Newest writes that may be lost; 0: none.")
    availability: float | None = Field(
        None, gt=0, lt=100, description="Share of requests answered, in percent."
    )
    latency: Duration | None = Field(
        None, description="A request slower than this counts as one that was not answered."
    )


class Backup(Model):
    """When data is copied away."""

    noun = "backup"
    schedule: str = Field(
        description="Five cron fields: minute hour day month weekday, in the hosts' time zone; on "
        "Kubernetes in UTC."
    )
    keep: Retention = Field(
        Duration(14 * 86_400_000),
        description="How long a copy is kept; the newest good one of a member always is.",
    )
    path: str | None = Field(
        None,
        pattern=_FOLDER,
        description="A folder on the hosts for the copies, an absolute path without spaces; on "
        "Kubernetes where their volume is mounted. Left out: /var/lib/opsctl-backup.",
    )
    size: Bytes | None = Field(
        None,
        description="The volume that copies of one member lie on, on Kubernetes; left out: as big "
        "as that of its data.",
    )
    after: tuple[str, ...] = Field(
        (),
        description="A command, word by word, run after each copy to take it to another place; "
        "OPSCTL_BACKUP is its path.",
    )
    on: Literal["replica", "primary"] = Field(
        "replica", description="Who makes it: a replica where one is up, or always the primary."
    )

    @field_validator("schedule")
    @classmethod
    def _five_fields(cls, schedule: str) -> str:
        try:
            Cron.parse(schedule)
        except ValueError as error:
            message = f'"{schedule}" is no schedule: {error}'
            raise problem("spec/value", message, hint='such as "0 3 * * *" (daily at 3)') from None
        return schedule.strip()

    @property
    def when(self) -> Cron:
        """The schedule, read."""
        return Cron.parse(self.schedule)


def _check_endpoint(endpoint: str) -> str:
    port = endpoint.rpartition(":")[2]
    if not 1 <= int(port) <= 65535:
        raise problem("spec/value", f'"{port}" is no port', hint="1 to 65535")
    return endpoint


_Endpoint: TypeAlias = Annotated[str, Field(pattern=_ENDPOINT), AfterValidator(_check_endpoint)]


class External(Model):
    """A service that others run: watched and routed to, never managed."""

    noun = "external"
    addresses: tuple[_Endpoint, ...] = Field(
        min_length=1, description="Its servers, each as HOST:PORT."
    )


class ServiceBase(Model):
    """The keys of every service. Engines subclass it, add keys and override defaults.

    A subclass says with class variables what the model can't know.
    """

    noun = "a service"
    needs_majority: ClassVar[bool] = False  # an even or small number of members can't elect
    can_promise_rpo_zero: ClassVar[bool] = True  # no acknowledged write is ever lost
    keeps_data: ClassVar[bool] = True  # a backup makes sense
    balances: ClassVar[bool] = False  # routes go through its members
    # One member on each host, for the host itself: no client is promised anything.
    every_host: ClassVar[bool] = False
    keeps_time: ClassVar[bool] = False  # it keeps its hosts' clocks
    # It collects metrics; such an engine has the keys retention, interval and remote_write of
    # `monitoring`, and tells: Alertmanagers that others run.
    collects: ClassVar[bool] = False
    routes_alerts: ClassVar[bool] = False  # it tells people of alerts; with the key receivers
    measures_hosts: ClassVar[bool] = False  # it gives its hosts' metrics
    probes: ClassVar[bool] = False  # it uses services through their routes as clients do
    knocks: ClassVar[bool] = False  # it looks whether routes can be reached

    engine: str = Field(description="Which server software.")
    version: str | None = Field(
        None,
        pattern=r"^[0-9A-Za-z][\w.+~:-]*$",
        description='Such as "7" or "7.2.4". Left out: what the target offers, then locked.',
    )
    on: Name | None = Field(None, description="The target it runs on.")
    replicas: Replicas = Field(1, description="How many members hold the data.")
    place: Placement = Field(Placement(), description="Which hosts, and how members spread.")
    mode: str = Field("", description="How members work together; each engine lists its own.")
    port: Port | None = Field(None, description="Left out: the engine's own port, or a free one.")
    storage: Storage = Field(Storage(), description="Where data lives.")
    failover: Literal["fast", "normal", "safe"] = Field(
        "normal", description="How soon a silent primary is replaced; sooner means false alarms."
    )
    settings: dict[str, Setting] = Field({}, description="Native settings, by their own names.")
    slo: Slo | None = Field(None, description="What clients are promised.")
    backup: Backup | None = Field(None, description="When data is copied away.")
    metrics: bool = Field(
        False, description="Its members give metrics. With `monitoring:` all do, unless said here."
    )
    protect: bool = Field(True, description="Removed only when its name is given.")
    state: Literal["present", "absent"] = Field("present", description="absent: take it down.")
    external: External | None = Field(None, description="Others run it: only watch and route.")

    @property
    def members(self) -> int:
        """How many hosts (or pods) it takes; an engine with shards or voters overrides it."""
        return self.replicas

    @property
    def needs_time(self) -> bool:
        """Whether its members should have one time: they elect, or their logs tell one story."""
        return self.needs_majority and self.members > 1

    @property
    def monitors(self) -> bool:
        """Whether it is part of what watches the others."""
        return self.collects or self.routes_alerts or self.measures_hosts or self.comes_in

    @property
    def comes_in(self) -> bool:
        """Whether it comes to others by their routes, as clients do."""
        return self.probes or self.knocks

    @property
    def promises(self) -> bool:
        """Whether clients come to it, who are promised something."""
        return not (self.balances or self.every_host or self.monitors)

    @property
    def probed(self) -> bool:
        """Whether somebody tries all the time what clients get, for what they were promised."""
        slo = self.slo
        return self.metrics and slo is not None and slo.availability is not None

    @property
    def managed(self) -> bool:
        """Whether opsctl builds it: neither external nor taken down."""
        return self.external is None and self.state == "present"

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """A key keeps its meaning where an engine only changes its type or default."""
        for key, inherited in ServiceBase.model_fields.items():
            own = cls.model_fields[key]
            own.description = own.description or inherited.description

    def lint(self) -> Iterable[Finding]:
        """The engine's own findings; `keys` of each lead from this service."""
        return ()

    @model_validator(mode="after")
    def _either_managed_or_external(self) -> Self:
        if self.external is None:
            if self.on is None:
                raise problem(
                    "spec/missing-key", 'a service needs the key "on"', hint="on: the target's name"
                )
            return self
        for key in _UNMANAGED:
            if key in self.model_fields_set:
                raise problem(
                    "spec/value",
                    f'an external service is not managed, so "{key}" means nothing',
                    hint=f'remove "{key}", or "external"',
                    keys=(key,),
                )
        return self
