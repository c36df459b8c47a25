"""The Sentinel of a member: it watches the primary, and keeps what it learns in its own file."""

from __future__ import annotations

from collections.abc import Sequence

from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast
from opsctl.engines.redis.holding import HELD, hold_script
from opsctl.engines.redis.objects import PATIENCE, sentinel_settings
from opsctl.engines.redis.shared import access_files, listening, place, probes, scripted, software
from opsctl.engines.redis.standings import sentinel_questions, sentinel_standing
from opsctl.engines.redis.users import PEER, Account, secret
from opsctl.engines.redis.users import SENTINEL as SENTINEL_USER
from opsctl.workload import (
    AddressRef,
    Command,
    Component,
    ConfigFile,
    Limits,
    Port,
    Render,
    Seat,
    Sign,
)

MIB = 1024**2
# What a Sentinel logs: one believes it, enough of them agree, and who it is now.
SIGNS = (
    Sign(r"\+sdown master \S+ (?P<host>\S+)", "detected", "a Sentinel misses {host}"),
    Sign(r"\+odown master \S+ (?P<host>\S+)", "detected", "the Sentinels agree: {host} is down"),
    Sign(r"\+switch-master \S+ \S+ \S+ (?P<host>\S+)", "elected", "{host} is primary"),
)


def sentinel_component(
    cast: Cast, seat: Seat, render: Render, accounts: Sequence[Account]
) -> Component:
    """The Sentinel, which keeps what it learns in a file of its own."""
    config = seat.config_dir
    return Component(
        name=SENTINEL,
        software=software(cast),
        command=Command(
            argv=(
                cast.flavour.server,
                f"{seat.data_dir}/sentinel.conf",
                "--sentinel",
                "--include",
                f"{config}/sentinel-static.conf",
                "--include",
                f"{config}/sentinel-auth.conf",
            ),
            before_start=(("sh", f"{config}/start-sentinel.sh"),),
            before_start_timeout=30.0,
            after_start=(("sh", f"{config}/hasten-sentinel.sh"),),
            grace=10.0,
        ),
        user=cast.flavour.user,
        files=_sentinel_files(cast, seat, render, accounts),
        ports=(Port(SENTINEL, seat.ports[SENTINEL], "clients"),),
        probes=probes(seat, SENTINEL),
        limits=Limits(memory=128 * MIB, memory_request=32 * MIB, open_files=10_032),
        health=cast.door(seat.member, SENTINEL).query(
            sentinel_questions(cast.name), sentinel_standing
        ),
        signs=SIGNS,
    )


def _sentinel_files(
    cast: Cast, seat: Seat, render: Render, accounts: Sequence[Account]
) -> tuple[ConfigFile, ...]:
    config = seat.config_dir
    first = cast.seats[0]
    pace = " ".join(f"{name} {value}" for name, value in sorted(cast.preset.pace.items()))
    watching = {name: value for name, value in sentinel_settings(cast).items() if name != "quorum"}
    return (
        ConfigFile(
            f"{seat.data_dir}/sentinel.conf", render("sentinel.conf"), mode="0600", life="seeded"
        ),
        ConfigFile(
            f"{config}/sentinel-static.conf",
            render(
                "sentinel-static.conf",
                **listening(seat, SENTINEL),
                config_dir=config,
                data_dir=seat.data_dir,
            ),
        ),
        ConfigFile(
            f"{config}/sentinel-auth.conf",
            render(
                "sentinel-auth.conf",
                service=cast.name,
                peer_user=PEER,
                peer_password=secret(cast.name, PEER, "plain"),
                redis_user=SENTINEL_USER,
                redis_password=secret(cast.name, SENTINEL_USER, "plain"),
            ),
        ),
        ConfigFile(
            f"{config}/start-sentinel.sh",
            render(
                "start-sentinel.sh",
                **scripted(cast, seat, SENTINEL),
                sentinels=[place(at, SENTINEL) for at in cast.seats if at.member != seat.member],
                initial_address=AddressRef(first.member, "ip"),
                initial_port=first.ports[REDIS],
                quorum=cast.majority,
                settings=sorted(watching.items()),
            ),
            mode="0750",
            effect="none",
        ),
        ConfigFile(
            f"{config}/hasten-sentinel.sh",
            render("hasten-sentinel.sh", **scripted(cast, seat, SENTINEL), pace=pace),
            mode="0750",
            effect="none",
        ),
        ConfigFile(
            hold_script(seat),
            render(
                "hold.sh",
                **scripted(cast, seat, SENTINEL),
                setting=PATIENCE,
                held=HELD * 1000,
                released=watching[PATIENCE],
            ),
            mode="0750",
            effect="none",
        ),
        *access_files(cast, seat, render, SENTINEL, accounts),
    )
