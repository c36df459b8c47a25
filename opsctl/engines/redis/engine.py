"""The engine: seats in, a Workload out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from opsctl.engines.redis import (
    gates,
    operations,
    operations_replication,
    telling,
    values,
    versions,
)
from opsctl.engines.redis.backups import BACKUP, backups
from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast
from opsctl.engines.redis.entries import entries
from opsctl.engines.redis.exporter import EXPORTER, PORT, exported, exporter, signals
from opsctl.engines.redis.holding import hold
from opsctl.engines.redis.inside import redis_inside, sentinel_inside
from opsctl.engines.redis.logins import login_object, users_object
from opsctl.engines.redis.notes import notes
from opsctl.engines.redis.objects import pace_object, sentinel_object, settings_object
from opsctl.engines.redis.options import RedisService
from opsctl.engines.redis.server import redis_component
from opsctl.engines.redis.strays import let_be, strays
from opsctl.engines.redis.stress import stress
from opsctl.engines.redis.users import (
    OPS,
    Account,
    redis_accounts,
    rules,
    secret,
    sentinel_accounts,
)
from opsctl.engines.redis.watcher import sentinel_component
from opsctl.workload import (
    Directory,
    Endpoint,
    Group,
    Member,
    Object,
    Render,
    Rolling,
    Seat,
    SeatNeed,
    SelfContained,
    Workload,
)

GROUP = "server"


class RedisEngine(SelfContained):
    """Redis or Valkey, by its options' flavour."""

    templates = "redis"

    def __init__(self, options: type[RedisService]) -> None:
        self.options = options
        self.name = options.flavour.name

    def needs(self, service: RedisService, /) -> tuple[SeatNeed, ...]:
        """One seat per member; a Sentinel sits beside each server."""
        ports = {REDIS: service.port or 6379}
        fixed = {REDIS} if service.port else set()
        if service.mode == "sentinel":
            ports[SENTINEL] = service.sentinel_port or 26379
            fixed |= {SENTINEL} if service.sentinel_port else set()
        if service.metrics:
            ports[EXPORTER] = PORT
        need = SeatNeed(
            group=GROUP,
            count=service.replicas,
            ports=ports,
            fixed=frozenset(fixed),
            path=service.storage.path or "",
            systems=self.options.flavour.systems(service.version),
            tells={telling.TELLER: telling.PORT} if service.metrics and service.backup else {},
        )
        return (need,)

    def describe(
        self,
        name: str,
        service: RedisService,
        seats: Sequence[Seat],
        render: Render,
        directory: Directory,  # noqa: ARG002 - it needs nobody else
        /,
    ) -> Workload:
        """The service on its seats. Raises SpecError for a version or setting that can't be had."""
        cast = Cast(name, service, tuple(sorted(seats, key=lambda seat: seat.ordinal)))
        for seat in cast.seats:
            versions.check(cast, seat)
            values.check_versions(cast, seat)
        people = _people(cast)
        metrics = any(exported(seat) for seat in cast.seats)
        servers = redis_accounts(
            name, people, sentinel=cast.sentinel, metrics=metrics, probed=service.probed
        )
        watchers = sentinel_accounts(name, people, metrics=metrics)
        verbs = operations if cast.sentinel else operations_replication
        return Workload(
            service=name,
            engine=self.name,
            groups=(_group(cast, render, servers, watchers),),
            rolling=Rolling(
                order=("arbiter", "replica", "primary"),
                before=gates.whole(cast),
                after=gates.whole(cast),
                handover=lambda standings, member: verbs.handover(cast, standings, member),
                mends=lambda standings, member: gates.disowned(cast, standings, member),
            ),
            operations=(
                operations.sentinel_operations(cast)
                if cast.sentinel
                else operations_replication.replication_operations(cast)
            ),
            formed=gates.whole(cast),
            objects=tuple(_objects(cast, servers, watchers)),
            endpoints=tuple(_endpoints(cast, people)),
            unfit=tuple(versions.mixed(cast)),
            entries=entries(cast),
            hold=hold(cast),
            notes=notes(cast),
            backups=backups(cast),
            signals=signals(cast),
            stress=stress(cast),
            strays=lambda standings: strays(cast, standings),
            strangers=lambda standings: let_be(cast, standings),
        )


def _people(cast: Cast) -> tuple[Account, ...]:
    return tuple(
        Account(
            user.name,
            rules(user.keys, user.channels, user.commands),
            secret(cast.name, user.name, given=user.password.secret if user.password else None),
        )
        for user in cast.service.users
    )


def _group(
    cast: Cast, render: Render, servers: tuple[Account, ...], watchers: tuple[Account, ...]
) -> Group:
    """Sentinel stands first: a server that starts asks it who is primary. Last who watches both,
    and who tells of backups."""
    members = []
    for seat in cast.seats:
        redis = redis_component(cast, seat, render, servers)
        watching = sentinel_component(cast, seat, render, watchers) if cast.sentinel else None
        parts = (watching, redis) if watching else (redis,)
        counting = (exporter(cast, seat, render),) if exported(seat) else ()
        copies = (telling.teller(cast, seat, BACKUP, render),) if telling.tells(seat) else ()
        members.append(Member(seat, (*parts, *counting, *copies)))
    return Group(GROUP, tuple(members), quorum=cast.majority if cast.sentinel else 1)


def _objects(
    cast: Cast, servers: tuple[Account, ...], watchers: tuple[Account, ...]
) -> list[Object]:
    found: list[Object] = []
    logins: list[Object] = []
    for seat in cast.seats:
        settings = values.watched_settings(cast, seat)
        server = redis_inside(seat, servers, settings)
        logins.append(login_object(cast, server))
        found += [settings_object(cast, seat, server, settings), users_object(server)]
        if cast.sentinel:
            watcher = sentinel_inside(cast, seat, watchers)
            logins.append(login_object(cast, watcher))
            found += [
                sentinel_object(cast, seat, watcher),
                pace_object(cast, seat, watcher),
                users_object(watcher),
            ]
    return [*found, *logins]


def _endpoints(cast: Cast, people: tuple[Account, ...]) -> Iterator[Endpoint]:
    """Every member for every user, opsctl's own first: it is the administrator."""
    users = [(OPS, secret(cast.name, OPS, "plain"))]
    users += [(person.name, replace(person.password, form="plain")) for person in people]
    for seat in cast.seats:
        for user, password in users:
            yield Endpoint(
                member=seat.member,
                component=REDIS,
                port=REDIS,
                user=user,
                password=password,
                scheme="redis",
                console=(cast.flavour.cli, "-h", "{host}", "-p", "{port}", "--user", user),
                password_variable="REDISCLI_AUTH",  # noqa: S106 - the name of a variable
            )
