"""Who may log in to a server, and how it logs in to the others."""

from __future__ import annotations

from collections.abc import Mapping

from opsctl.engines.redis.cast import REDIS, Cast
from opsctl.engines.redis.inside import Inside, names_said
from opsctl.engines.redis.users import PEER, REPLICA, Account, secret
from opsctl.engines.redis.users import SENTINEL as SENTINEL_USER
from opsctl.workload import Answer, Call, Facts, Object

NOBODY_ELSE = "none"
# How a server logs in to its peers, and a Sentinel to the servers; no user can have these names.
LOGIN, SERVERS = "(login)", "(servers)"
_AS_WANTED = "as in the spec"


def users_object(inside: Inside) -> Object:
    """The users of one server: rules in words, and nobody else.

    The server's passwords never leave the host: they are compared beside it with digests of the
    wanted ones. It is `first`, for who restarts logs in to the others with the new passwords.
    """
    wanted = {account.name: account for account in inside.accounts}
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
        return inside.write(f"set users {', '.join(sorted(differing))}", lines)

    return Object(
        kind="users",
        name=inside.component,
        member=inside.member,
        component=inside.component,
        desired={**default, **rules, "others": NOBODY_ELSE},
        read=inside.users(lambda answer: _read_users(answer, {*wanted, "default"})),
        write=write,
        first=True,
    )


def login_object(cast: Cast, inside: Inside) -> Object:
    """How a server logs in to its peers, and a Sentinel to the servers.

    It comes after everybody's users: a Sentinel whose new password a peer does not know yet keeps
    that connection, refused, and may never try again. And before any server restarts: one that
    comes back lets nobody in with an old password, and a Sentinel that sees no replica promotes
    none.
    """
    logins = _logins(cast, inside.component)

    def write(differing: Facts) -> Call:
        lines = [
            f"{mark} {_AS_WANTED}\n{setting} {secret(cast.name, user, 'plain')}\n"
            for user, (mark, setting) in logins.items()
            if user in differing
        ]
        return inside.write(f"set {', '.join(sorted(differing))}", lines)

    return Object(
        kind="login",
        name=inside.component,
        member=inside.member,
        component=inside.component,
        desired=dict.fromkeys(logins, _AS_WANTED),
        read=inside.users(lambda answer: _read_logins(answer, logins)),
        write=write,
        first=True,
    )


def _logins(cast: Cast, component: str) -> dict[str, tuple[str, str]]:
    """As whom it logs in: how users.sh calls that, and the command that sets the password."""
    if component == REDIS:
        return {REPLICA: (LOGIN, f"CONFIG SET masteruser {REPLICA} masterauth")}
    return {
        PEER: (LOGIN, "SENTINEL CONFIG SET sentinel-pass"),
        SENTINEL_USER: (SERVERS, f"SENTINEL SET {cast.name} auth-pass"),
    }


def _setting(account: Account) -> str:
    return account.line.removeprefix(f"{account.name} ")


def _read_logins(answer: Answer, logins: Mapping[str, tuple[str, str]]) -> Facts | None:
    found = names_said(answer)
    if found is None:
        return None
    return {user: found.get(mark, "unknown") for user, (mark, _) in logins.items()}


def _read_users(answer: Answer, known: set[str]) -> Facts | None:
    """Rules by user; `others` names those whom nobody declared."""
    found = names_said(answer)
    if found is None:
        return None
    others = sorted(set(found) - known - {LOGIN, SERVERS})
    facts = {name: rules for name, rules in found.items() if name in known}
    return {**facts, "others": ", ".join(others) or NOBODY_ELSE}
