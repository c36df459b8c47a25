"""`opsctl secrets`: the root key, and the values that people give."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session
from opsctl.cli.views.secrets import SecretsView
from opsctl.errors import Exit, OpsError

app = new_app("Make the root key; show, set and rotate secrets.")


@command(app, "spec")
def init(session: Session) -> None:
    """Make the environment's root key, once. Internal passwords are derived from it.

    With a key in OPSCTL_ROOT_KEY, that one is kept.
    """
    made = session.secrets().init()
    words = "made a root key" if made else "kept the root key that OPSCTL_ROOT_KEY holds"
    session.screen.say(
        f"{words}: keep a copy of it somewhere safe (`opsctl secrets show root-key`)"
    )


@command(app, "spec", "output")
def show(
    session: Session,
    name: Annotated[
        str, typer.Argument(help="Print its value; left out: list the names, never values.")
    ] = "",
) -> None:
    """List the secrets, or print the value of one to standard output."""
    door = session.secrets()
    if name:
        session.screen.text(door.show(name))
    else:
        session.screen.result(SecretsView(door.names()))


@command(app, "spec", name="set")
def set_(
    session: Session,
    name: Annotated[str, typer.Argument(help="As the spec names it: {secret: NAME}.")],
) -> None:
    """Keep a value that people gave. It is asked for, or read from standard input."""
    session.secrets().set(name, _value(name))
    session.screen.say(f"kept {name}")


@command(app, "spec")
def rotate(session: Session, name: str) -> None:
    """Raise a derived secret's generation in opsctl.lock; the next apply brings it out."""
    generation = session.secrets().rotate(name)
    session.screen.say(f"{name} has generation {generation} now; next: {session.words('apply')}")


def _value(name: str) -> str:
    """Typed twice at a terminal, else all of standard input less its last newline."""
    if sys.stdin is None:  # closed by the caller
        return ""
    if not sys.stdin.isatty():
        return _piped(name).removesuffix("\n")
    first = getpass.getpass(f"value of {name}: ")
    if getpass.getpass("once more: ") != first:
        raise OpsError(
            "secrets/typed-differently", "the two values differ", hint="nothing was changed",
            exit=Exit.INPUT,
        )  # fmt: skip
    return first


def _piped(name: str) -> str:
    try:
        text = sys.stdin.read()
    except UnicodeDecodeError:
        text = None
    if text is None:  # raised here, so that no exception beneath it holds the value
        raise OpsError(
            "secrets/bad-value", "the value is not UTF-8 text", where=name,
            hint="nothing was changed", exit=Exit.INPUT,
        )  # fmt: skip
    return text
