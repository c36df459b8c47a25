"""What lives inside the servers and is compared there: settings and users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from opsctl.engines.redis.asking import accepted, pairs, replies
from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast
from opsctl.engines.redis.settings import quoted
from opsctl.engines.redis.users import OPS, PEER, REPLICA, Account
from opsctl.workload import Answer, Call, Facts, Object, Query, Seat, Text

NOBODY_ELSE = "none"
LOGIN = "(login)"  # how a server logs in to its peers; no user can have this name
PATIENCE = "down-after-milliseconds"  # how long a Sentinel bears silence
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
        PATIENCE: str(cast.preset.down_after),
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
        held=frozenset({PATIENCE}),
    )


def pace_object(cast: Cast, seat: Seat) -> Object:
    """How often the member's Sentinel asks. It forgets that when it ends: hasten-sentinel.sh says
    it again."""
    door = cast.door(seat.member, SENTINEL)

    def write(differing: Facts) -> Call:
        words = " ".join(f"{name} {value}" for name, value in sorted(differing.items()))
        return door.call("set the Sentinel's pace", [f"SENTINEL DEBUG {words}"])

    return Object(
        kind="settings",
        name="pace",
        member=seat.member,
        component=SENTINEL,
        desired={**cast.preset.pace},
        read=door.query(["SENTINEL DEBUG"], _read_pairs),
        write=write,
    )


def users_object(component: str, seat: Seat, accounts: Sequence[Account], script: str) -> Object:
    """The users of one server: rules in words, and nobody else.

    The server's passwords never leave the host: they are compared beside it with digests of the
    wanted ones. It is `first`, for who restarts logs in to the others with the new passwords.
    """
    wanted = {account.name: account for account in accounts}
    rules = {name: account.rules for name, account in wanted.items()}
    default = {} if "default" in wanted else {"default": "off"}

    def write(differing: Facts) -> Call:
        lines = [
            f"{name} {wanted[name].rules}\nACL SETUSER {name} reset {_setting(wanted[name])}\n"
            for name in sorted(differing)
            if name in wanted
        ]
        if differing.get("default") == "off":
            lines.append("default off\nACL SETUSER default reset\n")
        return _write(
            f"set users {', '.join(sorted(differing))}", component, seat, script, accounts, lines
        )

    return Object(
        kind="users",
        name=component,
        member=seat.member,
        component=component,
        desired={**default, **rules, "others": NOBODY_ELSE},
        read=_read(script, accounts, lambda answer: _read_users(answer, {*wanted, "default"})),
        write=write,
        first=True,
    )


def login_object(component: str, seat: Seat, accounts: Sequence[Account], script: str) -> Object:
    """How a server logs in to its peers.

    It comes after everybody's users: a Sentinel whose new password a peer does not know yet keeps
    that connection, refused, and may never try again.
    """
    mine, setting = {
        REDIS: (REPLICA, f"CONFIG SET masteruser {REPLICA} masterauth"),
        SENTINEL: (PEER, "SENTINEL CONFIG SET sentinel-pass"),
    }[component]
    account = next(one for one in accounts if one.name == mine)

    def write(differing: Facts) -> Call:  # noqa: ARG001 - there is one thing to set
        password = replace(account.password, form="plain")
        lines = [f"{LOGIN} {_AS_WANTED}\n{setting} {password}\n"]
        return _write("set the login to peers", component, seat, script, accounts, lines)

    return Object(
        kind="login",
        name=component,
        member=seat.member,
        component=component,
        desired={mine: _AS_WANTED},
        read=_read(script, accounts, lambda answer: _read_login(answer, mine)),
        write=write,
        first=True,
    )


def _read(
    script: str, accounts: Sequence[Account], parse: Callable[[Answer], Facts | None]
) -> Query[Facts | None]:
    """Users and login are one question, asked once."""
    digests = "".join(f"{account.name} #{account.password}\n" for account in accounts)
    return Query(("sh", script, "read"), parse, Text.parse(digests))


def _write(
    words: str,
    component: str,
    seat: Seat,
    script: str,
    accounts: Sequence[Account],
    lines: Sequence[str],
) -> Call:
    own = replace(next(one.password for one in accounts if one.name == OPS), form="plain")
    return Call(
        words=words,
        member=seat.member,
        component=component,
        argv=("sh", script, "write", *sorted(account.name for account in accounts)),
        refused=lambda answer: "" if answer.exit == 0 else _said(answer),
        stdin=Text.parse("".join([f"{own}\n", *lines])),
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


def _said_of(answer: Answer) -> dict[str, str] | None:
    """What users.sh says of each name."""
    if answer.exit != 0:
        return None
    return dict(line.split(" ", 1) for line in answer.stdout.splitlines() if " " in line)


def _read_login(answer: Answer, user: str) -> Facts | None:
    found = _said_of(answer)
    return None if found is None else {user: found.get(LOGIN, "unknown")}


def _read_users(answer: Answer, known: set[str]) -> Facts | None:
    """Rules by user; `others` names those whom nobody declared."""
    found = _said_of(answer)
    if found is None:
        return None
    others = sorted(set(found) - known - {LOGIN})
    facts = {name: rules for name, rules in found.items() if name in known}
    return {**facts, "others": ", ".join(others) or NOBODY_ELSE}
