"""What is read of one server, and what users.sh is told to set there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from opsctl.engines.redis.asking import MARK, pairs, parts, refusal
from opsctl.engines.redis.cast import REDIS, SENTINEL, Cast, auth_path
from opsctl.engines.redis.protocol import farewell, shown
from opsctl.engines.redis.shared import (
    kept_files,
    login_questions,
    notes_file,
    users_file,
    users_script,
)
from opsctl.engines.redis.users import OPS, Account, secret
from opsctl.engines.redis.users import SENTINEL as SENTINEL_USER
from opsctl.workload import (
    Answer,
    Call,
    Dial,
    Facts,
    FileRef,
    Query,
    Seat,
    SecretRef,
    Spoken,
    Steady,
    Text,
)

NOWHERE: Mapping[str, SecretRef] = MappingProxyType({})
PACE_QUESTION = "SENTINEL DEBUG"
_REPLY = "="  # begins a question to users.sh and a line of its reply; no user has this name


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


def names_said(answer: Answer) -> dict[str, str] | None:
    """What users.sh says of each name; None when the server could not be asked."""
    if answer.exit != 0:
        return None
    lines = (line.split(" ", 1) for line in answer.stdout.splitlines() if " " in line)
    return {name: said for name, said in lines if name != _REPLY}
