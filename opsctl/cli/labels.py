"""Labels of alerts on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from opsctl.errors import SpecError

Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME=VALUE", help="A label it fires with; repeatable."),
]


def pairs(words: Sequence[str]) -> dict[str, str]:
    """Labels as they are typed. Raises SpecError `cli/usage`."""
    for word in words:
        if not word.partition("=")[1] or not word.partition("=")[0]:
            raise SpecError("cli/usage", f"--label {word} has no value", hint="--label host=n1")
    return {name: value for name, _, value in (word.partition("=") for word in words)}
