"""What lives inside the servers and is compared there: settings and users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from opsctl.engines.redis.asking import MARK, pairs, parts, refusal
from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast, auth_path
from opsctl.engines.redis.protocol import farewell, shown
from opsctl.engines.redis.settings import quoted
from opsctl.engines.redis.shared import (
    kept_files,
    login_questions,
    notes_file,
    users_file,
    users_script,
)
from opsctl.engines.redis.users import OPS, PEER, REPLICA, Account, secret
from opsctl.engines.redis.users import SENTINEL as SENTINEL_USER
from opsctl.workload import (
    Answer,
    Call,
    Dial,
    Facts,
    FileRef,
    Object,
    Query,
    Seat,
    SecretRef,
    Spoken,
    Steady,
    Text,
)

NOBODY_ELSE = "none"
# How a server logs in to its peers, and a Sentinel to the servers; no user can have these names.
LOGIN, SERVERS = "(login)", "(servers)"
PATIENCE = "down-after-milliseconds"  # how long a Sentinel bears silence
_AS_WANTED = "as in the spec"
NOWHERE: Mapping[str, SecretRef] = MappingProxyType({})
_REPLY = "="  # begins a question to users.sh and a line of its reply; no user has this name
PACE_QUESTION = "SENTINEL DEBUG"


class Inside:
    """What is read of one server, in one session of its own users' script.

    Every plan asks every server, and a client program for each question would take most of a plan's
    time: the same question of several askers is put once, and the script does not even run where
    the server still says what it said the last time. `elsewhere`: with what it logs in where
    users are not its own, by name.
    """

    def __init__(
        self,
        seat: Seat,
        component: str,
        accounts: Sequence[Account],
        questions: Sequence[str],
        elsewhere: Mapping[str, SecretRef] = NOWHERE,
    ) -> None:
        self.seat, self.component = seat, component
        self.accounts, self.questions = tuple(accounts), tuple(questions)
        self._digests = {one.name: one.password for one in accounts} | dict(elsewhere)

    @property
    def member(self) -> str:
        return self.seat.member

    def settings(self, question: str) -> Query[Facts | None]:
        """Names and values that the server replies to one of the questions."""
        at = self.questions.index(question)
        spoken = Spoken(self._dial(self._commands), _as_the_script)
        return self._query(lambda answer: _read_settings(answer, at), spoken)

    def users(self, parse: Callable[[Answer], Facts | None]) -> Query[Facts | None]:
        """Users and login, of which `parse` takes its part.

        The script compares what the server says to these questions with its files, and that is all.
        """
        seat, component = self.seat, self.component
        files = (
            users_script(seat, component),
            users_file(seat, component),
            notes_file(seat, component),
            *kept_files(seat, component),
        )
        dial = self._dial(("ACL LIST", *login_questions(component)))
        return self._query(parse, Steady(dial, files))

    def _query(
        self, parse: Callable[[Answer], Facts | None], short: Spoken | Steady
    ) -> Query[Facts | None]:
        digests = "".join(f"{name} #{password}\n" for name, password in self._digests.items())
        asked = "".join(f"{_REPLY} {command}\n" for command in self._commands)
        argv = ("sh", users_script(self.seat, self.component), "read")
        return Query(argv, parse, Text.parse(digests + asked), short=short)

    @property
    def _commands(self) -> Sequence[str]:
        return f"\nPING {MARK}\n".join(self.questions).splitlines()

    def _dial(self, commands: Sequence[str]) -> Dial:
        login = f"AUTH {OPS} {FileRef(auth_path(self.seat, self.component))}"
        lines = (login, *commands, farewell(self.component))
        return Dial(self.seat.ports[self.component], Text.parse("".join(f"{x}\n" for x in lines)))

    def write(self, words: str, lines: Sequence[str]) -> Call:
        """Sets what `lines` say: a note and the command, in turn."""
        script = users_script(self.seat, self.component)
        own = replace(next(one.password for one in self.accounts if one.name == OPS), form="plain")
        return Call(
            words=words,
            member=self.member,
            component=self.component,
            argv=("sh", script, "write", *sorted(one.name for one in self.accounts)),
            refused=lambda answer: "" if answer.exit == 0 else _said(answer),
            stdin=Text.parse("".join([f"{own}\n", *lines])),
        )


def redis_inside(seat: Seat, accounts: Sequence[Account], settings: Mapping[str, str]) -> Inside:
    """The data server: its live settings, its users, its login."""
    question = settings_question(settings)
    return Inside(seat, REDIS, accounts, (question,))


def sentinel_inside(cast: Cast, seat: Seat, accounts: Sequence[Account]) -> Inside:
    """The Sentinel: how it watches and at what pace, its users, its login."""
    questions = (watch_question(cast), PACE_QUESTION)
    servers = {SENTINEL_USER: secret(cast.name, SENTINEL_USER)}
    return Inside(seat, SENTINEL, accounts, questions, servers)


def settings_question(settings: Mapping[str, str]) -> str:
    return f"CONFIG GET {' '.join(sorted(settings))}"


def watch_question(cast: Cast) -> str:
    return f"SENTINEL MASTER {cast.name}"


def settings_object(cast: Cast, seat: Seat, inside: Inside, desired: Mapping[str, str]) -> Object:
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
        read=inside.settings(settings_question(desired)),
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


def sentinel_object(cast: Cast, seat: Seat, inside: Inside) -> Object:
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
        read=inside.settings(watch_question(cast)),
        write=write,
        held=frozenset({PATIENCE}),
    )


def pace_object(cast: Cast, seat: Seat, inside: Inside) -> Object:
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
        read=inside.settings(PACE_QUESTION),
        write=write,
    )


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


def _said(answer: Answer) -> str:
    lines = [*answer.stdout.splitlines(), *answer.stderr.splitlines()]
    return next((line for line in lines if line.strip()), "no answer")


def _read_settings(answer: Answer, at: int) -> Facts | None:
    """Names and values of the reply at this place; None when the server refused."""
    if answer.exit != 0:
        return None
    mine = (line.partition(" ") for line in answer.stdout.splitlines())
    said = replace(answer, stdout="\n".join(rest for first, _, rest in mine if first == _REPLY))
    try:
        found = parts(said)[at]
    except (ValueError, IndexError):
        return None
    return None if refusal(found) else pairs(found)


def _as_the_script(said: str) -> str:
    """Replies as users.sh passes them on."""
    return "".join(f"{_REPLY} {line}\n" for line in shown(said).split("\n"))


def _said_of(answer: Answer) -> dict[str, str] | None:
    """What users.sh says of each name."""
    if answer.exit != 0:
        return None
    lines = (line.split(" ", 1) for line in answer.stdout.splitlines() if " " in line)
    return {name: said for name, said in lines if name != _REPLY}


def _read_logins(answer: Answer, logins: Mapping[str, tuple[str, str]]) -> Facts | None:
    found = _said_of(answer)
    if found is None:
        return None
    return {user: found.get(mark, "unknown") for user, (mark, _) in logins.items()}


def _read_users(answer: Answer, known: set[str]) -> Facts | None:
    """Rules by user; `others` names those whom nobody declared."""
    found = _said_of(answer)
    if found is None:
        return None
    others = sorted(set(found) - known - {LOGIN, SERVERS})
    facts = {name: rules for name, rules in found.items() if name in known}
    return {**facts, "others": ", ".join(others) or NOBODY_ELSE}
