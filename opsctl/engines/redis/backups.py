"""Backups: the script beside each server, its times, and the verbs that use it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from opsctl.engines.redis import gates, operations, operations_replication
from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast, primaries, sentinels, servers
from opsctl.engines.redis.objects import PATIENCE, sentinel_settings
from opsctl.engines.redis.refusals import only_primary, refused
from opsctl.engines.redis.shared import place, scripted
from opsctl.engines.redis.telling import folder, tells
from opsctl.workload import (
    Act,
    AddressRef,
    Answer,
    Backup,
    Backups,
    Call,
    ConfigFile,
    Job,
    Query,
    Render,
    Seat,
    Shelf,
    Standings,
    Text,
)
from opsctl.workload.backups import Kind

BACKUP = "backup"  # the job's name
MADE = "opsctl_backup_made_timestamp_seconds"
LONGEST = 3600.0  # seconds for one backup, verification or restore
_HELD = 3_600_000  # milliseconds of silence after which Sentinel acts while a restore goes on
_DAY = 86_400
_KINDS: dict[str, Kind] = {
    "scheduled": "scheduled",
    "asked": "asked",
    "before-restore": "before-restore",
}


def script_path(seat: Seat) -> str:
    return f"{seat.config_dir}/backup.sh"


def backup_files(cast: Cast, seat: Seat, render: Render) -> tuple[ConfigFile, ...]:
    """The script, where there is a place for backups."""
    backup = cast.service.backup
    if backup is None or not seat.backup_dir:
        return ()
    keep = int(backup.keep.seconds)
    text = render(
        "backup.sh",
        **scripted(cast, seat, REDIS),
        address=AddressRef(seat.member, "ip"),
        folder=seat.backup_dir,
        peers=[],
        everybody=[place(at, REDIS) for at in cast.seats],
        prefer=backup.on,
        after=shlex.join(backup.after),
        keep=keep,
        keep_words=f"{keep // _DAY} days" if keep % _DAY == 0 else f"{keep} s",
        check=cast.flavour.check,
        version_field=cast.flavour.version_field,
        patience=int(LONGEST) - 120,
        tells=_told_at(cast, seat),
    )
    return (ConfigFile(script_path(seat), text, mode="0750", effect="none"),)


def backup_jobs(cast: Cast, seat: Seat) -> tuple[Job, ...]:
    """Every member has it: who takes the backup is decided when it runs."""
    backup = cast.service.backup
    if backup is None or not seat.backup_dir:
        return ()
    return (
        Job(
            name=BACKUP,
            words=f"backup of {cast.name}",
            when=backup.when,
            argv=("sh", script_path(seat), "scheduled"),
            folder=seat.backup_dir,
            timeout=LONGEST,
            size=_room(cast),
            metrics=_told(cast, seat),
        ),
    )


def _told_at(cast: Cast, seat: Seat) -> str:
    """The file of metrics; "" where nobody reads any."""
    if seat.metrics_dir:
        return f"{seat.metrics_dir}/{cast.name}-{seat.member}-backup.prom"
    return f"{folder(seat)}/{BACKUP}.prom" if tells(seat) else ""


def _told(cast: Cast, seat: Seat) -> ConfigFile | None:
    """What the script rewrites; as it stands here, nothing was made so far."""
    path = _told_at(cast, seat)
    if not path:
        return None
    labels = f'{{of_service="{cast.name}",of_member="{seat.member}"}}'
    text = f"# TYPE {MADE} gauge\n{MADE}{labels} 0\n"
    return ConfigFile(path, Text((text,)), mode="0644", effect="none", life="seeded")


def _room(cast: Cast) -> int | None:
    backup, storage = cast.service.backup, cast.service.storage
    asked = backup.size if backup is not None and backup.size is not None else storage.size
    return int(asked) if asked is not None else None


def backups(cast: Cast) -> Backups | None:
    """The verbs; None where the spec has no backup or the target no place for one."""
    backup = cast.service.backup
    if backup is None or not all(seat.backup_dir for seat in cast.seats):
        return None
    return Backups(
        component=REDIS,
        every=backup.when.longest * 60.0,
        shelf=lambda member: Query(_argv(cast, member, "list"), shelf, timeout=20.0, job=BACKUP),
        take=lambda standings: take(cast, standings),
        verify=lambda member, name: (Act(_call(cast, member, f"verify {name}", "verify", name)),),
        restore=lambda standings, member, name: restore(cast, standings, member, name),
    )


def take(cast: Cast, standings: Standings) -> tuple[Act, ...]:
    """By a replica that has the data, or by the primary, as the schedule would."""
    backup = cast.service.backup
    replicas = [member for member, standing in servers(standings, "replica") if standing.ready]
    wanted = replicas if backup is not None and backup.on == "replica" else []
    found = [*wanted, *primaries(standings)]
    if not found:
        raise refused(cast, "no-primary", "no member is up that has the data", "opsctl status")
    return (Act(_call(cast, found[0], f"take a backup on {found[0]}", "take", "asked")),)


def restore(cast: Cast, standings: Standings, member: str, name: str) -> tuple[Act, ...]:
    """The member that has the backup becomes primary, keeps a backup of what is there, and takes
    the content in; everybody else copies it from there. Sentinel holds still meanwhile."""
    before: tuple[Act, ...] = ()
    if not _begun(standings, member):
        verbs = operations if cast.sentinel else operations_replication
        if only_primary(cast, standings) != member:
            before = verbs.switchover(cast, standings, member)
        words = f"keep what {member} holds now as a backup"
        before += (Act(_call(cast, member, words, "take", "before-restore")),)
    put = _call(cast, member, f"put {name} in the place of what {member} holds", "restore", name)
    return (
        *before,
        *_hold(cast, standings),
        Act(put, until=gates.acknowledged(member)),
        *(Act(call) for call in _release(cast, standings)),
    )


def _begun(standings: Standings, member: str) -> bool:
    """Whether a restore that broke off has left the member copying from its own host."""
    standing = standings.get((member, REDIS))
    return standing is not None and standing.following.startswith("127.0.0.1:")


def _hold(cast: Cast, standings: Standings) -> tuple[Act, ...]:
    """While the primary copies it calls itself a replica: to Sentinel a reason to replace it."""
    return tuple(
        Act(
            _patience(cast, release.member, str(_HELD), "keep Sentinel from a failover"),
            None,
            (release,),
        )
        for release in _release(cast, standings)
    )


def _release(cast: Cast, standings: Standings) -> Iterator[Call]:
    """Back to what the spec says; a Sentinel that a maintenance holds for longer is left alone."""
    for member, standing in sentinels(standings):
        if int(standing.details.get("patience") or 0) <= _HELD:
            usual = sentinel_settings(cast)[PATIENCE]
            yield _patience(cast, member, usual, "let Sentinel fail over again")


def _patience(cast: Cast, member: str, milliseconds: str, words: str) -> Call:
    order = f"SENTINEL SET {cast.name} {PATIENCE} {milliseconds}"
    return cast.door(member, SENTINEL).call(words, [order])


def _argv(cast: Cast, member: str, *words: str) -> tuple[str, ...]:
    return ("sh", script_path(cast.seat(member)), *words)


def _call(cast: Cast, member: str, words: str, *verb: str) -> Call:
    argv = _argv(cast, member, *verb)
    return Call(words, member, REDIS, argv, refusal, timeout=LONGEST, job=BACKUP)


def refusal(answer: Answer) -> str:
    """ "" when the script did what it was told, else its last word."""
    if answer.exit == 0:
        return ""
    lines = [line for line in (answer.stderr or answer.stdout).splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {answer.exit}"


def shelf(answer: Answer) -> Shelf:
    """What `backup.sh list` printed; lines that are no JSON are passed over."""
    found, last = [], {}
    for line in answer.stdout.splitlines():
        try:
            about = json.loads(line)
        except ValueError:
            continue
        if "name" in about:
            found.append(_backup(about))
        else:
            last = about
    return Shelf(
        tuple(sorted(found, key=lambda one: (one.at, one.name))),
        success=last.get("success") or None,
        tried=last.get("tried") or None,
        error=last.get("error", ""),
    )


def _backup(about: dict[str, str | int]) -> Backup:
    keys = about.get("keys")
    return Backup(
        name=str(about["name"]),
        member=str(about["member"]),
        at=float(about["time"]),
        bytes=int(about["bytes"]),
        kind=_KINDS.get(str(about.get("kind")), "brought"),
        keys=None if keys is None else int(keys),
        role=str(about.get("role", "")),
        version=str(about.get("version", "")),
        verified=float(about.get("verified", 0)) or None,
        damage=str(about.get("damage", "")),
    )
