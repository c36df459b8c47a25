"""docs/commands.md, made from the commands: `python -m opsctl.cli.reference > docs/commands.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from opsctl.cli.group import SECTIONS, load

_INTRODUCTION = """\
# The commands

<!-- Made by `python -m opsctl.cli.reference > docs/commands.md`. Do not edit. -->

Standard output gets the result and nothing else; progress, questions and messages go to standard
error. With `--output json` the result is one JSON document, and standard error holds one JSON
object a line: `{"message": ...}`, `{"warning": ...}`, `{"event": ..., "step": ..., "where": ...,
"words": ...}`, and for a failure `{"errors": [{"code", "message", "where", "hint", "details",
"exit"}], "exit": ...}`. With `yaml` and `markdown` standard error is as for people.

Options of every command may stand before or behind its name. Each has a variable, which the
command line overrides: `OPSCTL_FILE` (several, separated by colons), `OPSCTL_SET`,
`OPSCTL_LIMIT` (several, separated by spaces), `OPSCTL_STRICT`, `OPSCTL_OUTPUT`, `OPSCTL_NO_COLOR`
(or `NO_COLOR`).

Ctrl-C, SIGTERM and a terminal that closes (SIGHUP, unless under nohup) stop a change at the next
safe point and say what is waited for. A mistake in opsctl itself is kept in a file below
`~/.local/state/opsctl/bugs`; `OPSCTL_DEBUG=1` shows it.

The lock of an opsctl that died ends by itself: 60 seconds after its last sign of life, or
`OPSCTL_LOCK_TTL` seconds, 5 or more, if that was set for the one that died. With less than 20, a
host that dies during a run may cost the run its lock: it is asked for some 10 seconds.

`opsctl --install-completion` makes the shell complete commands, options, services and members.

| exit code | means |
|---|---|
| 0 | done, or nothing to change |
| 1 | failed, nothing changed |
| 2 | the input is wrong |
| 3 | differences exist (`drift`, `plan --exit-code`), or unhealthy (`status --check`) |
| 4 | a precondition or missing consent refused it |
| 5 | partly applied |
| 6 | part could not be observed |
| 7 | the lock is held, try again |
| 130 | interrupted |
"""
_EVERYWHERE = {"--help", "--no-color"}


def reference() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for title, entries in SECTIONS.items():
        parts.append(f"## {title}\n")
        for name in entries:
            parts += _command(f"opsctl {name}", load(name))
    return "\n".join(parts)


def _command(path: str, found: Any) -> Iterator[str]:
    """A command's section, or those of the commands in it."""
    inner = getattr(found, "commands", None)
    if inner:
        for name, one in inner.items():
            yield from _command(f"{path} {name}", one)
        return
    context = found.context_class(found, info_name=path)
    usage = " ".join(piece for piece in found.collect_usage_pieces(context) if piece != "[OPTIONS]")
    yield f"### `{path}{' ' if usage else ''}{usage}`\n"
    yield f"{found.help}\n"
    rows = [row for option in found.params if (row := _row(option, context)) is not None]
    if rows:
        yield "| option | meaning |\n|---|---|\n" + "\n".join(rows) + "\n"


def _row(option: Any, context: Any) -> str | None:
    record = option.get_help_record(context)
    if record is None or _EVERYWHERE & set(option.opts):
        return None
    words, meaning = (text.replace("|", "\\|") for text in record)
    return f"| `{words}` | {meaning} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
