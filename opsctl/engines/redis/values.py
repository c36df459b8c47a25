"""The settings that a member runs with: the spec's, opsctl's own, and the server's defaults."""

from __future__ import annotations

from opsctl.engines.redis.cast import Cast
from opsctl.engines.redis.operations import PRIORITY
from opsctl.engines.redis.settings import SETTINGS, UNKNOWN_DEFAULT, Setting
from opsctl.errors import SpecError
from opsctl.workload import Seat

MIB = 1024**2
_SNAPSHOTS = "3600 1 300 100 60 10000"  # the server's own default
# The largest cluster of connections that a node's own default of somaxconn (since Linux 5.4) holds.
SOMAXCONN = 4096


def live_settings(cast: Cast) -> dict[str, str]:
    """What opsctl sets and a running server takes in, in the form that CONFIG GET shows."""
    service = cast.service
    memory = int(service.memory)
    own = {
        "maxmemory": str(memory),
        "appendonly": "yes" if service.persistence == "aof" else "no",
        "save": _SNAPSHOTS if service.persistence == "rdb" else "",
        "min-replicas-to-write": str(service.guard),
        "replica-priority": PRIORITY,
        # Long enough that a replica which restarts or loses its link need not copy everything.
        "repl-backlog-size": str(max(MIB, min(memory // 16, 512 * MIB))),
        # The server waits 5 seconds for more replicas to come; while it has too few of them in
        # touch it refuses writes, so that wait is part of a cut-off.
        "repl-diskless-sync-delay": "1",
    }
    if service.persistence == "none":
        # Else a replica keeps what it once copied, and loads it years later.
        own["rdb-del-sync-files"] = "yes"
    return own | _asked(cast, "live")


def restart_settings(cast: Cast) -> dict[str, str]:
    """What the spec sets and only a start takes in."""
    return _asked(cast, "restart")


def _asked(cast: Cast, effect: str) -> dict[str, str]:
    return {
        name: SETTINGS[name].normal(value)
        for name, value in sorted(cast.service.settings.items())
        if SETTINGS[name].effect == effect
    }


def watched_settings(cast: Cast, seat: Seat) -> dict[str, str]:
    """Every live setting that the seat's version has, so that any CONFIG SET by hand is seen."""
    version = cast.version(seat)
    defaults = {
        setting.name: setting.default
        for setting in SETTINGS.values()
        if setting.effect == "live"
        and setting.default != UNKNOWN_DEFAULT
        and setting.offered(cast.flavour, version)
    }
    return defaults | live_settings(cast)


def check_versions(cast: Cast, seat: Seat) -> None:
    """SpecError for a setting that the seat's version does not have."""
    version = cast.version(seat)
    for name in cast.service.settings:
        if not SETTINGS[name].offered(cast.flavour, version):
            raise SpecError(
                "redis/setting-version",
                f'{cast.flavour.name} {version[0]}.{version[1]} has no setting "{name}"',
                where=f"services.{cast.name}.settings.{name}",
                hint=f"remove it, or run {cast.name} where another version is to be had",
            )


def conf_lines(settings: dict[str, str]) -> list[tuple[str, str]]:
    """Names and values as a configuration file has them."""
    return [(name, _setting(name).line(value)) for name, value in sorted(settings.items())]


def _setting(name: str) -> Setting:
    return SETTINGS.get(name, Setting(name, "text", "live", UNKNOWN_DEFAULT))
