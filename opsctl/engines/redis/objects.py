"""What lives inside the servers and is compared there: settings and users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from opsctl.engines.redis.asking import accepted, pairs, replies
from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast
from opsctl.engines.redis.settings import quoted
from opsctl.engines.redis.users import PEER, REPLICA, Account
from opsctl.workload import Answer, Call, Facts, Object, Query, Seat, Text

NOBODY_ELSE = "none"
LOGIN = "(login)"  # how a server logs in to its peers; no user can have this name
_AS_WANTED = "as in the spec"


def settings_object(cast: Cast, seat: Seat, desired: Mapping[str, str]) -> Object:
    """The live settings of one server: so a colleague's CONFIG SET is seen."""
    door = cast.door(seat.member)

    def write(differing: Facts) -> Call:
        # One command: the server takes all of it or nothing, and says which value it refuses.
        words = " ".join(f"{name} {quoted(value)}" for name, value in sorted(differing.items()))
        return door.call(f"set {', '.join(sorted(differing))}", [f"CONFIG SET {words}"])

    return Object(
        kind="settings",
        name=REDIS,
        member=seat.member,
        component=REDIS,
        desired=desired,
        read=door.query([f"CONFIG GET {' '.join(sorted(desired))}"], _read_pairs),
        write=write,
    )


def sentinel_settings(cast: Cast) -> dict[str, str]:
    """How a Sentinel watches, in Sentinel's own words."""
    replicas = len(cast.seats) - 1
    return {
        "quorum": str(cast.majority),
        "down-after-milliseconds": str(cast.preset.down_after),
        "failover-timeout": str(cast.preset.failover_timeout),
        # Half of the replicas may copy at once, so that the others go on serving reads.
        "parallel-syncs": str(max(1, replicas // 2)),
    }


def sentinel_object(cast: Cast, seat: Seat) -> Object:
    """How the member's Sentinel watches; it keeps that in a file of its own."""
    door = cast.door(seat.member, SENTINEL)

    def write(differing: Facts) -> Call:
        commands = [
            f"SENTINEL SET {cast.name} {name} {value}" for name, value in sorted(differing.items())
        ]
        return door.call(f"set {', '.join(sorted(differing))}", commands)

    return Object(
        kind="settings",
        name=SENTINEL,
        member=seat.member,
        component=SENTINEL,
        desired=sentinel_settings(cast),
        read=door.query([f"SENTINEL MASTER {cast.name}"], _read_pairs),
        write=write,
    )


def users_object(component: str, seat: Seat, accounts: Sequence[Account], script: str) -> Object:
    """The users of one server: rules in words, and nobody else; and how it logs in to its peers.

    The server's passwords never leave the host: they are compared beside it with digests of the
    wanted ones. It is `first`, for who restarts logs in to the others with the new passwords.
    """
    wanted = {account.name: account for account in accounts}
    rules = {name: account.rules for name, account in wanted.items()}
    default = {} if "default" in wanted else {"default": "off"}
    mine, setting = {
        REDIS: (REPLICA, f"CONFIG SET masteruser {REPLICA} masterauth"),
        SENTINEL: (PEER, "SENTINEL CONFIG SET sentinel-pass"),
    }[component]

    def write(differing: Facts) -> Call:
        lines = [
            f"{name} {wanted[name].rules}\nACL SETUSER {name} reset {_setting(wanted[name])}\n"
            for name in sorted(differing)
            if name in wanted
        ]
        if differing.get("default") == "off":
            lines.append("default off\nACL SETUSER default reset\n")
        if LOGIN in differing:
            password = replace(wanted[mine].password, form="plain")
            lines.append(f"{LOGIN} {_AS_WANTED}\n{setting} {password}\n")
        return Call(
            words=f"set users {', '.join(sorted(differing))}",
            member=seat.member,
            component=component,
            argv=("sh", script, "write", *sorted(wanted)),
            refused=lambda answer: "" if answer.exit == 0 else _said(answer),
            stdin=Text.parse("".join(lines)),
        )

    return Object(
        kind="users",
        name=component,
        member=seat.member,
        component=component,
        desired={**default, LOGIN: _AS_WANTED, **rules, "others": NOBODY_ELSE},
        read=Query(
            ("sh", script, "read"),
            lambda answer: _read_users(answer, {*wanted, LOGIN, "default"}),
            Text.parse("".join(f"{name} #{one.password}\n" for name, one in wanted.items())),
        ),
        write=write,
        first=True,
    )


def _setting(account: Account) -> str:
    return account.line.removeprefix(f"{account.name} ")


def _said(answer: Answer) -> str:
    lines = [*answer.stdout.splitlines(), *answer.stderr.splitlines()]
    return next((line for line in lines if line.strip()), "no answer")


def _read_pairs(answer: Answer) -> Facts | None:
    try:
        lines = replies(answer)
    except ValueError:
        return None
    return None if accepted(answer) else pairs(lines)


def _read_users(answer: Answer, known: set[str]) -> Facts | None:
    """Rules by user; `others` names those whom nobody declared."""
    if answer.exit != 0:
        return None
    found = dict(line.split(" ", 1) for line in answer.stdout.splitlines() if " " in line)
    others = sorted(set(found) - known)
    facts = {name: rules for name, rules in found.items() if name in known}
    return {**facts, "others": ", ".join(others) or NOBODY_ELSE}
