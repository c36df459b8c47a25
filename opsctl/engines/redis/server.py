"""The data server of a member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opsctl.engines.redis import values
from opsctl.engines.redis.backups import backup_files, backup_jobs
from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast
from opsctl.engines.redis.shared import access_files, listening, place, probes, scripted, software
from opsctl.engines.redis.standings import REDIS_QUESTIONS, redis_standing
from opsctl.engines.redis.users import REPLICA, Account, secret
from opsctl.workload import (
    AddressRef,
    Command,
    Component,
    ConfigFile,
    Kernel,
    Limits,
    Port,
    Render,
    Seat,
    Text,
    Volume,
)

MIB = 1024**2
_PATIENCE = 20  # seconds a start waits for a majority of Sentinels
_HANDOVER = 20  # seconds beyond down-after that an empty primary leaves Sentinel to fail over
_ASIDE = 6  # seconds beyond down-after that a primary that died does
_LEAVE = 12  # seconds that a primary that is stopped takes to hand its role over
_RESERVED_FILES = 32  # descriptors that the server keeps for itself beside its clients
_DISK_RATE = 50 * MIB  # bytes a second, a slow disk: how fast a last snapshot is written


def redis_component(
    cast: Cast, seat: Seat, render: Render, accounts: Sequence[Account]
) -> Component:
    """The data server."""
    config, data = seat.config_dir, seat.data_dir
    included = [f"{config}/{name}.conf" for name in ("static", "replication", "live")]
    return Component(
        name=REDIS,
        software=software(cast),
        command=Command(
            # What comes on the command line is read last: it wins over the server's own file.
            argv=(
                cast.flavour.server,
                f"{data}/redis.conf",
                *(word for path in included for word in ("--include", path)),
            ),
            before_start=(("sh", f"{config}/start-redis.sh"),),
            before_start_timeout=_PATIENCE + _HANDOVER + cast.preset.tolerates + 20,
            before_stop=((("sh", f"{config}/hand-over.sh"),) if cast.sentinel else ()),
            grace=60 + int(cast.service.memory) / _DISK_RATE + (_LEAVE if cast.sentinel else 0),
        ),
        user=cast.flavour.user,
        files=_redis_files(cast, seat, render, accounts),
        ports=(Port(REDIS, seat.ports[REDIS], "clients"),),
        volumes=(_volume(cast, seat),),
        probes=probes(seat, REDIS),
        limits=_limits(cast),
        kernel=_kernel(cast),
        health=cast.door(seat.member).query(REDIS_QUESTIONS, redis_standing),
        jobs=backup_jobs(cast, seat),
    )


def _redis_files(
    cast: Cast, seat: Seat, render: Render, accounts: Sequence[Account]
) -> tuple[ConfigFile, ...]:
    config = seat.config_dir
    first = cast.seats[0].member
    primary = None if seat.member == first else AddressRef(first, "ip")
    scripts = _scripts(cast, seat, render)
    return (
        ConfigFile(
            f"{seat.data_dir}/redis.conf",
            render("redis.conf", primary=primary, primary_port=cast.seats[0].ports[REDIS]),
            mode="0600",
            life="seeded",
        ),
        ConfigFile(
            f"{config}/static.conf",
            render(
                "static.conf",
                **listening(seat, REDIS),
                config_dir=config,
                data_dir=seat.data_dir,
                settings=values.conf_lines(values.restart_settings(cast)),
            ),
        ),
        ConfigFile(
            f"{config}/replication.conf",
            render(
                "replication.conf",
                user=REPLICA,
                password=secret(cast.name, REPLICA, "plain"),
            ),
            effect="none",  # the running server has it by the Object "users"
        ),
        ConfigFile(
            f"{config}/live.conf",
            render(
                "live.conf",
                member=seat.member,
                settings=values.conf_lines(values.live_settings(cast)),
            ),
            effect="none",
        ),
        *scripts,
        *backup_files(cast, seat, render),
        *access_files(cast, seat, render, REDIS, accounts),
    )


def _scripts(cast: Cast, seat: Seat, render: Render) -> tuple[ConfigFile, ...]:
    """How the server starts, and how a pause of its writes ends."""
    known: dict[str, object] = {
        **scripted(cast, seat, REDIS),
        "address": AddressRef(seat.member, "ip"),
        "patience": _PATIENCE,
        "persistence": cast.service.persistence,
    }
    if not cast.sentinel:
        known["peers"] = [place(at, REDIS) for at in cast.seats if at.member != seat.member]
        return (
            _script(seat, "start-redis.sh", render("start-replication.sh", **known)),
            _script(seat, "unpause.sh", render("unpause-replication.sh", **known)),
        )
    known["sentinels"] = [place(at, SENTINEL) for at in cast.seats]
    start = render(
        "start-redis.sh",
        **known,
        members=len(cast.seats),
        majority=cast.majority,
        initial="yes" if seat is cast.seats[0] else "no",
        handover=int(_HANDOVER + cast.preset.tolerates),
        aside=int(_ASIDE + cast.preset.tolerates),
        run_dir=seat.run_dir,
    )
    return (
        _script(seat, "start-redis.sh", start),
        _script(seat, "unpause.sh", render("unpause.sh", **known)),
        _script(seat, "hand-over.sh", _hand_over(cast, seat, render, known)),
    )


def _hand_over(cast: Cast, seat: Seat, render: Render, known: Mapping[str, object]) -> Text:
    """What a primary does that is told to stop, whoever says it."""
    others = [at for at in cast.seats if at.member != seat.member]
    return render(
        "hand-over.sh",
        **known,
        limit=_LEAVE,
        tries=max(3, int(cast.preset.tolerates * 3)),  # of a tenth of a second
        peers=[place(at, REDIS) for at in others],
        others=[place(at, SENTINEL) for at in others],
    )


def _script(seat: Seat, name: str, text: Text) -> ConfigFile:
    return ConfigFile(f"{seat.config_dir}/{name}", text, mode="0750", effect="none")


def _volume(cast: Cast, seat: Seat) -> Volume:
    storage = cast.service.storage
    return Volume(
        path=seat.data_dir,
        size=int(storage.size) if storage.size else None,
        require_mount=storage.require_mount,
        min_free=int(storage.min_free) if storage.min_free else None,
    )


def _limits(cast: Cast) -> Limits:
    """Half as much again as maxmemory, and 64 MiB.

    While a fork saves or a replica copies, pages that change are held twice: half of them in a
    busy minute. Buffers of replicas, the backlog and fragmentation are outside maxmemory.
    """
    memory = int(cast.service.memory)
    return Limits(
        memory=memory + memory // 2 + 64 * MIB,
        memory_request=memory + 64 * MIB,
        open_files=cast.clients + _RESERVED_FILES,
    )


def _kernel(cast: Cast) -> tuple[Kernel, ...]:
    wishes = [
        Kernel(
            "vm.overcommit_memory",
            "1",
            "without it a fork to save or to feed a replica fails when memory is half full",
        ),
        Kernel(
            "transparent_hugepage",
            "madvise",
            "huge pages make each write during a fork copy 2 MiB, which stalls clients",
        ),
    ]
    backlog = int(str(cast.service.settings.get("tcp-backlog", 511)))
    if backlog > values.SOMAXCONN:
        wishes.append(Kernel("net.core.somaxconn", str(backlog), "tcp-backlog is cut to it"))
    return tuple(wishes)
