"""What `plan --explain` says of a service: what it promises, and what it does not."""

from __future__ import annotations

from opsctl.engines.redis.cast import Cast


def notes(cast: Cast) -> tuple[str, ...]:
    """Sentences, each true by itself."""
    return (*_failover(cast), *_loss(cast), *_durability(cast), *_backups(cast))


def _failover(cast: Cast) -> tuple[str, ...]:
    if len(cast.seats) == 1:
        return ("One member: when it stops, the service is down until it is back.",)
    if not cast.sentinel:
        return (
            "Nobody fails over by itself in mode: replication; `opsctl failover` does.",
            "A member that was primary and finds no other member starts as primary: it has "
            "nobody else to ask.",
        )
    preset, count, majority = cast.preset, len(cast.seats), cast.majority
    return (
        f"failover: {cast.service.failover} replaces a primary that is silent for "
        f"{preset.tolerates:g} s; clients wait about {preset.tolerates + 1:g} to "
        f"{preset.worst:g} s. A stall shorter than {preset.tolerates:g} s costs no failover.",
        f"When an election fails it is tried again after {2 * preset.failover_timeout / 1000:g} s.",
        f"{majority} of {count} Sentinels must be up to fail over: {count - majority} may be lost.",
        "A member that was primary starts only when a majority of the Sentinels says who is "
        "primary now.",
    )


def _loss(cast: Cast) -> tuple[str, ...]:
    if len(cast.seats) == 1:
        return ()
    sentences = ["Replication is asynchronous: a failover can lose writes that were acknowledged."]
    if cast.service.guard:
        sentences.append(
            f"A primary with fewer than {cast.service.guard} replicas in touch for 10 s refuses "
            "writes: one that was cut off stops taking writes that would be lost."
        )
    else:
        sentences.append(
            "min_replicas_to_write is 0: a primary that was cut off takes writes until it is told "
            "otherwise, and they are lost."
        )
    return tuple(sentences)


def _durability(cast: Cast) -> tuple[str, ...]:
    if cast.service.persistence == "none":
        return ("persistence: none: what a member holds is gone when its process ends.",)
    if cast.service.persistence == "rdb":
        return ("persistence: rdb: a member that is killed loses what came after its snapshot.",)
    fsync = str(cast.service.settings.get("appendfsync", "everysec"))
    words = {
        "always": "every write is on the member's disk before it is acknowledged",
        "everysec": "a member that loses power loses at most about one second of writes",
    }
    said = words.get(fsync, "the system decides when writes reach the disk, often after 30 s")
    return (f"persistence: aof, appendfsync {fsync}: {said}.",)


def _backups(cast: Cast) -> tuple[str, ...]:
    """What is promised where all members are lost, or all have repeated one mistake."""
    backup = cast.service.backup
    if backup is None:
        return ("No backup: what is deleted by mistake is gone on every member.",)
    place = "copied away by `after`" if backup.after else "nothing copies them away"
    return (
        f"Backups: writes of the last {_time(backup.when.longest)} at most are not in one; kept "
        f"for {_time(int(backup.keep.seconds) // 60)}; {place}.",
        "A restore refuses writes while it copies; the servers go on running.",
    )


def _time(minutes: int) -> str:
    for size, noun in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size and minutes % size == 0:
            return f"{minutes // size} {noun}{'' if minutes == size else 's'}"
    return "less than a minute"
