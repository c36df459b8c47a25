"""What a person may write of a redis or valkey service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from opsctl.engines.redis.flavour import REDIS, VALKEY, Flavour
from opsctl.engines.redis.presets import PRESETS
from opsctl.engines.redis.settings import SETTINGS, Value
from opsctl.engines.redis.settings_table import MANAGED
from opsctl.engines.redis.users import DEFAULT_COMMANDS, OPS, command_rules
from opsctl.model import Bytes, Duration, Model, Port, Secret, ServiceBase, problem
from opsctl.model.findings import Finding
from opsctl.model.words import did_you_mean

MIB = 1024**2


def _check_commands(commands: str) -> str:
    try:
        command_rules(commands)
    except ValueError as error:
        raise problem("spec/value", str(error), hint='such as "+@read +@write -keys"') from None
    return commands


def _check_user(name: str) -> str:
    if name == OPS or name.startswith(f"{OPS}-"):
        message = f'the user name "{name}" is opsctl\'s own'
        raise problem("spec/value", message, hint="choose another name")
    return name


class User(Model):
    """A user of the server, as its clients log in."""

    noun = "a user"
    name: Annotated[str, AfterValidator(_check_user)] = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="How clients log in."
    )
    keys: str = Field("*", description='Key patterns, such as "session:* %R~shared:*".')
    channels: str = Field("*", description="Pub/sub channel patterns.")
    commands: Annotated[str, AfterValidator(_check_commands)] = Field(
        DEFAULT_COMMANDS, description='Command rules, such as "+@all -@admin".'
    )
    password: Secret | None = Field(None, description="Left out: derived by opsctl.")


class RedisService(ServiceBase):
    """A Redis service: one primary, its replicas, and Sentinels that replace a lost primary."""

    flavour: ClassVar[Flavour] = REDIS
    can_promise_rpo_zero = False

    replicas: Annotated[int, Field(ge=1, le=9)] = Field(
        1, description="How many members in all, the primary included."
    )
    mode: Literal["sentinel", "replication"] = Field(
        "sentinel", description="sentinel: fails over by itself. replication: a person does it."
    )
    memory: Bytes = Field(Bytes(256 * MIB), description="maxmemory; the process's cap follows.")
    persistence: Literal["aof", "rdb", "none"] = Field(
        "aof", description="aof: every write is logged; rdb: snapshots; none: memory alone."
    )
    sentinel_port: Port | None = Field(None, description="Left out: 26379, or a free one.")
    min_replicas_to_write: Annotated[int, Field(ge=0, le=8)] | None = Field(
        None,
        description="Refuse writes with fewer replicas in touch. Left out: 1 if replicas >= 3.",
    )
    users: tuple[User, ...] = Field(
        (User(name="app"),), description="Who may log in; everybody else is refused."
    )

    @property
    def needs_time(self) -> bool:
        """Sentinels elect; and after a failover their logs are read side by side."""
        return self.mode == "sentinel" and self.replicas > 1

    @property
    def guard(self) -> int:
        """How many replicas must be in touch for a write to be accepted.

        One from three members on: a primary that was cut off stops acknowledging writes that the
        other side will never see. With two members it would stop writes whenever one is down.
        """
        if self.min_replicas_to_write is not None:
            return self.min_replicas_to_write
        return 1 if self.replicas >= 3 else 0

    @model_validator(mode="after")
    def _checked(self) -> Self:
        for name, value in self.settings.items():
            self._check_setting(name, value)
        if self.guard >= self.replicas:
            raise problem(
                "spec/value",
                f"min_replicas_to_write: {self.guard} can't hold with {self.replicas} members",
                hint=f"at most {self.replicas - 1}",
                keys=("min_replicas_to_write",),
            )
        if self.memory < Bytes(8 * MIB):
            message = f"{self.memory} of memory is too little"
            raise problem("spec/value", message, hint="at least 8MiB", keys=("memory",))
        if self.mode == "replication" and self.sentinel_port is not None:
            message = "there is no Sentinel in mode: replication"
            raise problem(
                "spec/value", message, hint="remove sentinel_port", keys=("sentinel_port",)
            )
        names = [user.name for user in self.users]
        for index, name in enumerate(names):
            if name in names[:index]:
                message = f'the user "{name}" stands here twice'
                raise problem("spec/value", message, hint="keep one", keys=("users", index))
        return self

    def _check_setting(self, name: str, value: Value) -> None:
        keys = ("settings", name)
        if name in MANAGED:
            message = f'"{name}" is opsctl\'s own'
            raise problem("spec/managed-setting", message, hint=MANAGED[name], keys=keys)
        if name not in SETTINGS:
            hint = did_you_mean(name, [*SETTINGS, *MANAGED], listing=False)
            message = f'{self.flavour.name} has no setting "{name}"'
            raise problem("spec/unknown-setting", message, hint=hint, keys=keys)
        try:
            SETTINGS[name].normal(value)
        except ValueError as error:
            raise problem("spec/value", str(error), keys=keys) from None
        if name == "save" and self.persistence == "none" and value:
            message = "save means nothing with persistence: none"
            raise problem("spec/value", message, hint="persistence: rdb", keys=keys)

    def lint(self) -> Iterator[Finding]:
        """Promises that the settings contradict, and numbers of members that can't elect."""
        if self.mode == "sentinel" and self.replicas == 2:
            yield Finding(
                "lint/two-members",
                "two members are two Sentinels: when either stops, the other is no majority",
                hint="replicas: 3, or mode: replication",
                keys=("replicas",),
            )
        if self.replicas >= 3 and self.guard == 0:
            yield Finding(
                "lint/no-write-guard",
                "a primary that is cut off goes on acknowledging writes that will be lost",
                hint="min_replicas_to_write: 1",
                keys=("min_replicas_to_write",),
            )
        yield from self._promises()

    def _promises(self) -> Iterator[Finding]:
        if self.slo is None:
            return
        fsync = self.settings.get("appendfsync", "everysec")
        if self.slo.rpo is not None and (self.persistence != "aof" or fsync in ("no", False)):
            yield Finding(
                "lint/fsync-promise",
                "slo.rpo is promised, but what a member wrote is not on its disk when it dies",
                hint="persistence: aof with appendfsync everysec or always",
                keys=("slo", "rpo"),
            )
        worst = PRESETS[self.failover].worst
        if self.slo.rto is None:
            return
        if self.mode == "replication":
            yield Finding(
                "lint/rto", "slo.rto is promised, but nobody fails over by itself here",
                hint="mode: sentinel", keys=("slo", "rto"),
            )  # fmt: skip
        elif self.slo.rto < Duration(int(worst * 1000)):
            yield Finding(
                "lint/rto",
                f"failover: {self.failover} can take {worst:g} s, more than slo.rto",
                hint="failover: fast, or a longer rto",
                keys=("slo", "rto"),
            )


class ValkeyService(RedisService):
    """A Valkey service: as redis, with Valkey's packages and programs."""

    flavour = VALKEY
