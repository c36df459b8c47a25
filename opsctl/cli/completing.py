"""Names for the shell's completion, from the spec alone: no host is asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from opsctl.cli.options import Options
from opsctl.cli.session import Session
from opsctl.errors import OpsError

if TYPE_CHECKING:
    from opsctl.model import Environment


def services(context: typer.Context, incomplete: str) -> list[str]:
    """The services' names."""
    return [name for name in _services(context) if name.startswith(incomplete)]


def members(context: typer.Context, incomplete: str) -> list[str]:
    """Services, and service/member once a slash was typed."""
    environment = _environment(context)
    if environment is None:
        return []
    if "/" not in incomplete:
        return [name for name in environment.services if name.startswith(incomplete)]
    return [name for name in _members(environment) if name.startswith(incomplete)]


def _services(context: typer.Context) -> tuple[str, ...]:
    environment = _environment(context)
    return tuple(environment.services) if environment else ()


def _members(environment: Environment) -> Iterator[str]:
    for name, service in environment.services.items():
        yield from (f"{name}/{name}-{number}" for number in range(service.members))


def _environment(context: typer.Context) -> Environment | None:
    """The spec as far as the words typed so far say where it is; None when it is broken."""
    given = (context.params, context.find_root().params)
    files = [Path(file) for params in given for file in params.get("files") or ()]
    try:
        return Session(Options(files=tuple(files))).environment()
    except OpsError:
        return None
