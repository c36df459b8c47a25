"""The Sentinel of a member: it watches the primary, and keeps what it learns in its own file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    Text,
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
    settings = {name: value for name, value in sentinel_settings(cast).items() if name != "quorum"}
    return (
        ConfigFile(
            f"{seat.data_dir}/sentinel.conf", render("sentinel.conf"), mode="0600", life="seeded"
        ),
        _static(seat, render),
        _logins(cast, seat, render),
        _start(cast, seat, render, settings),
        _hasten(cast, seat, render),
        _hold(cast, seat, render, settings[PATIENCE]),
        *access_files(cast, seat, render, SENTINEL, accounts),
    )


def _static(seat: Seat, render: Render) -> ConfigFile:
    values = {**listening(seat, SENTINEL), "config_dir": seat.config_dir, "data_dir": seat.data_dir}
    text = render("sentinel-static.conf", **values)
    return ConfigFile(f"{seat.config_dir}/sentinel-static.conf", text)


def _logins(cast: Cast, seat: Seat, render: Render) -> ConfigFile:
    """With what it logs in to other Sentinels and to the servers."""
    text = render(
        "sentinel-auth.conf",
        service=cast.name,
        peer_user=PEER,
        peer_password=secret(cast.name, PEER, "plain"),
        redis_user=SENTINEL_USER,
        redis_password=secret(cast.name, SENTINEL_USER, "plain"),
    )
    return ConfigFile(f"{seat.config_dir}/sentinel-auth.conf", text)


def _start(cast: Cast, seat: Seat, render: Render, settings: Mapping[str, str]) -> ConfigFile:
    """Tells a Sentinel that knows nothing yet whom to watch, and how."""
    first = cast.seats[0]
    text = render(
        "start-sentinel.sh",
        **scripted(cast, seat, SENTINEL),
        sentinels=[place(at, SENTINEL) for at in cast.seats if at.member != seat.member],
        initial_address=AddressRef(first.member, "ip"),
        initial_port=first.ports[REDIS],
        quorum=cast.majority,
        settings=sorted(settings.items()),
    )
    return _script(f"{seat.config_dir}/start-sentinel.sh", text)


def _hasten(cast: Cast, seat: Seat, render: Render) -> ConfigFile:
    pace = " ".join(f"{name} {value}" for name, value in sorted(cast.preset.pace.items()))
    text = render("hasten-sentinel.sh", **scripted(cast, seat, SENTINEL), pace=pace)
    return _script(f"{seat.config_dir}/hasten-sentinel.sh", text)


def _hold(cast: Cast, seat: Seat, render: Render, released: str) -> ConfigFile:
    """Begins and ends a maintenance."""
    text = render(
        "hold.sh",
        **scripted(cast, seat, SENTINEL),
        setting=PATIENCE,
        held=HELD * 1000,
        released=released,
    )
    return _script(hold_script(seat), text)


def _script(path: str, text: Text) -> ConfigFile:
    """A change of it disturbs nobody: it is read anew each time."""
    return ConfigFile(path, text, mode="0750", effect="none")
