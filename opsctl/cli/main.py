"""The entry point: parses, runs one command, turns whatever happens into an exit code."""

from __future__ import annotations

import atexit
import errno
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import cache
from types import FrameType
from typing import Any

import typer
from typer.main import get_command

from opsctl.cli.group import LazyGroup
from opsctl.cli.options import Files, Limit, NoColor, Options, PlanOutput, Sets, Strict, Version
from opsctl.errors import Exit, OpsError, SpecError, machine_failed

app = typer.Typer(
    cls=LazyGroup,
    name="opsctl",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Options may stand before or behind the command. Variables: OPSCTL_FILE, OPSCTL_SET, "
    "OPSCTL_STRICT, OPSCTL_LIMIT, OPSCTL_OUTPUT, OPSCTL_NO_COLOR; OPSCTL_DEBUG=1 shows tracebacks.",
)
# Objects made between two searches for garbage. Modules are none, and the default of 700 searches
# them again and again while they are imported: a tenth of a short command's time. A plan of some
# hosts makes fewer than these.
GARBAGE = 200_000
# Of space, inodes, open files, memory.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_VARIABLES = {
    "files": "OPSCTL_FILE",  # several: separated by colons
    "sets": "OPSCTL_SET",  # several: separated by spaces
    "strict": "OPSCTL_STRICT",
    "limit": "OPSCTL_LIMIT",
    "output": "OPSCTL_OUTPUT",
    "no_color": "OPSCTL_NO_COLOR",
}


@app.callback()
def opsctl(
    context: typer.Context,
    files: Files = None,
    sets: Sets = None,
    strict: Strict = False,
    limit: Limit = None,
    output: PlanOutput = None,
    no_color: NoColor = False,
    version: Version = False,  # noqa: ARG001 - it ends the command before this
) -> None:
    """Builds, plans, watches and operates clusters of caches, queues and databases."""
    context.obj = Options(
        files=tuple(files or ()),
        sets=tuple(sets or ()),
        strict=strict,
        limit=tuple(limit or ()),
        output=output,
        no_color=no_color,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code. No traceback leaves it."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    gc.set_threshold(GARBAGE, 20, 20)
    atexit.register(gc.freeze)  # else Python's end searches all that is there once more
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would search every package
    signal.signal(signal.SIGTERM, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # it is for who said nohup
        signal.signal(signal.SIGHUP, _interrupt)
    return guarded(lambda: _run(given), given)


def guarded(work: Callable[[], int], arguments: Sequence[str]) -> int:
    """What `work` gives, or the exit code of what it raises, which is shown."""
    try:
        return work()
    except OpsError as error:
        return _show(error, arguments)
    except typer.TyperException as error:
        return _show(_usage(error), arguments)
    except (KeyboardInterrupt, typer.Abort):
        return _show(OpsError("cli/interrupted", "interrupted", exit=Exit.INTERRUPTED), arguments)
    except BrokenPipeError:
        return int(Exit.DONE)
    except Exception as error:  # noqa: BLE001 - the last line of defence: it becomes a bug report
        return _show(_unforeseen(error), arguments)


def _unforeseen(error: Exception) -> OpsError:
    """What this machine has no room for, else a mistake of opsctl."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return machine_failed(error)
    from opsctl.cli.bugs import report

    return report(error)


def _run(arguments: list[str]) -> int:
    code = whole().main(args=arguments, prog_name="opsctl", standalone_mode=False)
    return int(code or 0)


@cache
def whole() -> Any:
    """The group of all commands. Variables are read by its own options alone, so that an option
    behind the command's name always wins."""
    made = get_command(app)
    for option in made.params:
        option.envvar = _VARIABLES.get(option.name)
    return made


def _usage(error: typer.TyperException) -> OpsError:
    """A mistake on the command line."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "opsctl"
    words = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        return OpsError("cli/no-command", words, exit=Exit.INPUT)
    return SpecError("cli/usage", words, where=path, hint=f"see `{path} --help`")


def _show(error: OpsError, arguments: Sequence[str]) -> int:
    """Shows an error on a screen of its own: options may be what is wrong."""
    from opsctl.cli.views import Screen

    if error.code == "cli/no-command":
        sys.stderr.write(f"{error.message}\n")
        return int(error.exit)
    words = " ".join(arguments)
    machine = any(form in words for form in ("-o json", "-ojson", "--output json", "--output=json"))
    Screen("json" if machine else "human", color="--no-color" not in arguments).error(error)
    return int(error.exit)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt
