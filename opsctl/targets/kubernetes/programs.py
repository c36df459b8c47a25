"""Several programs as one shell session in a container, and its output as their answers. Pure.

One exec costs a connection through the API server and a process at the node's runtime, so what is
asked of one container goes in one. POSIX sh, `timeout` and `cat` are all it needs there. The whole
session is standard input: nothing of it, secrets least of all, is in an argument list.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from opsctl.targets.kubernetes.commands import program
from opsctl.workload import Answer, FileRef

KILL: Final = 1  # seconds between asking a program that is late to end, and ending it
_SILENT: Final = 124  # what timeout says of a program that was late
_UNFIT: Final = (126, 127)  # and of one that can't be run

_HEAD: Final = """\
export LC_ALL=C.UTF-8
cd /
line='
'
ended() {
  printf '\\n%s %s\\n' MARK "$1"
  printf '\\n%s\\n' MARK >&2
}
content() {
  found=$(cat "$2" && printf x) || return 1
  found=${found%x}
  eval "$1=\\${found%\\"\\$line\\"}"
}
address() {
  found=$(getent hosts "$2") || { echo "$2 has no address" >&2; return 1; }
  eval "$1=\\${found%%[[:space:]]*}"
}
"""


@dataclass(frozen=True, slots=True)
class LookUp:
    """The address that a name has where the program runs."""

    name: str


Part = str | FileRef | LookUp


@dataclass(frozen=True, slots=True)
class Run:
    """One program; files and addresses among its standard input are read beside it."""

    argv: tuple[str, ...]
    stdin: tuple[Part, ...] = field(default=(), repr=False)
    timeout: float = 3.0  # seconds


def session(runs: Sequence[Run], mark: str) -> str:
    """What sh reads. `mark` stands in no program's output: it is made up anew each time."""
    body = "".join(_block(one) for one in runs)
    return f"{_HEAD.replace('MARK', mark)}{body}exit 0\n"


def patience(runs: Sequence[Run]) -> float:
    """Seconds that the session may take."""
    return sum(math.ceil(one.timeout) + KILL for one in runs) + 5.0


def answers(runs: Sequence[Run], said: Answer, mark: str) -> tuple[Answer, ...]:
    """One for each, in order. Those whose end is not there have not ended, or never began."""
    outs = re.split(rf"\n{mark} (-?[0-9]+)\n", said.stdout)
    errs = said.stderr.split(f"\n{mark}\n")
    given = len(outs) // 2
    return tuple(
        _answer(one, int(outs[at * 2 + 1]), outs[at * 2], errs[at] if at < len(errs) else "")
        if at < given
        else Answer(-1, "", _broken(one, said, errs[-1] if at == given else ""))
        for at, one in enumerate(runs)
    )


def _answer(run: Run, exit: int, out: str, err: str) -> Answer:
    if exit == _SILENT:
        return Answer(-1, "", f"{run.argv[0]} did not end within {run.timeout:g} s")
    return Answer(-1 if exit in _UNFIT else exit, out, err)


def _broken(run: Run, said: Answer, last: str) -> str:
    return last.strip() or f"{run.argv[0]} was not run to its end (exit code {said.exit})"


def _block(run: Run) -> str:
    bound = f"timeout -k {KILL} {math.ceil(run.timeout)}"
    call = f"{bound} {shlex.join(program(run.argv))}"
    if not run.stdin:
        return f"{call} </dev/null\nended $?\n"
    gets, words = [], []
    for at, part in enumerate(run.stdin):
        if isinstance(part, str):
            words.append(shlex.quote(part))
            continue
        how = "content" if isinstance(part, FileRef) else "address"
        name = part.path if isinstance(part, FileRef) else part.name
        gets.append(f"{how} part{at} {shlex.quote(name)}")
        words.append(f'"$part{at}"')
    feed = f"printf '{'%s' * len(words)}' {' '.join(words)}"
    ready = " && ".join(gets) or ":"
    return f"if {ready}; then\n{feed} | {call}\nended $?\nelse ended -1; fi\n"
