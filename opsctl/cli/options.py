"""The options of every command, given before or after its name, or as OPSCTL_* variables."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import typer

DEFAULT_FILE = Path("opsctl.yaml")

Files = Annotated[
    list[Path] | None,
    typer.Option("--file", "-f", metavar="FILE", help="The spec; several merge in their order."),
]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Lay one value on the spec; repeatable."),
]
Strict = Annotated[bool, typer.Option("--strict", help="The linter's warnings are errors.")]
Limit = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="SERVICE[/MEMBER]",
        help="Only this service or member; repeatable. Never prunes.",
    ),
]
Output = Annotated[
    Literal["human", "json", "yaml"] | None,
    typer.Option("--output", "-o", help="How the result is printed."),
]
PlanOutput = Annotated[
    Literal["human", "json", "yaml", "markdown"] | None,
    typer.Option("--output", "-o", help="How the result is printed."),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; so does NO_COLOR.")]


@dataclass(frozen=True, slots=True)
class Options:
    """What was given. None, () and False mean: not given."""

    files: tuple[Path, ...] = ()
    sets: tuple[str, ...] = ()
    strict: bool = False
    limit: tuple[str, ...] = ()
    output: Literal["human", "json", "yaml", "markdown"] | None = None
    no_color: bool = False

    def over(self, below: Options) -> Options:
        """These, and what is not given here as it is in `below`."""
        return Options(
            **{
                field.name: getattr(self, field.name) or getattr(below, field.name)
                for field in fields(Options)
            }
        )

    @property
    def spec_files(self) -> tuple[Path, ...]:
        """The files of the spec, or the one that is looked for."""
        return self.files or (DEFAULT_FILE,)
