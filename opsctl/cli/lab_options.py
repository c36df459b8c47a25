"""Options that the `lab` commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from opsctl.cli.session import Session
from opsctl.errors import OpsError, SpecError

LabName = Annotated[str, typer.Option("--name", help="Which lab.")]
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def complete_hosts(context: typer.Context, incomplete: str) -> list[str]:
    """The hosts of the lab that the words typed so far name."""
    from opsctl import wiring

    try:
        lab = wiring.lab(str(context.params.get("name") or "lab"))
        return [host.name for host in lab.hosts if host.name.startswith(incomplete)]
    except OpsError:
        return []


@contextmanager
def none_is_well(session: Session) -> Iterator[None]:
    """What is to be removed and is not there is said, and is no error."""
    try:
        yield
    except OpsError as error:
        if error.code != "lab/none":
            raise
        session.screen.say(error.message)


def seconds(text: str) -> float:
    """ "90s", "2m" or "1h" in seconds. Raises SpecError for anything else."""
    number, unit = text[:-1], text[-1:]
    try:
        value = float(number) * _UNITS[unit]
    except (KeyError, ValueError):
        value = 0.0
    if not 0 < value <= 24 * 3600:
        raise SpecError(
            "cli/duration",
            f'"{text}" is no length of time up to a day',
            hint="such as 90s, 2m or 1h",
        )
    return value
