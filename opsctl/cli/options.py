"""The options that commands share; those of the spec and of the output may stand before a command's
name too, or come as OPSCTL_* variables."""

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


def _version(asked: bool) -> None:
    """Ends the command line there and then, whatever else it says."""
    if asked:
        from opsctl.cli.views import Screen
        from opsctl.cli.views.version import VersionView

        Screen("human").result(VersionView())
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", callback=_version, is_eager=True, help="As `opsctl version`."),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours; so does NO_COLOR.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
Bound = Literal["none", "reload", "restart", "failover"]
MaxImpact = Annotated[
    Bound | None, typer.Option(help="Refuse what costs more. Without a terminal: reload.")
]
SkipUnreachable = Annotated[
    bool, typer.Option("--skip-unreachable", help="Go on without places that can't be seen.")
]
Prune = Annotated[
    bool, typer.Option("--prune", help="Take away what vanished from the spec. Not with --limit.")
]
DeleteData = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="The service or member whose data may go; repeatable."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")]
DuringMaintenance = Annotated[
    bool, typer.Option("--during-maintenance", help="Change what is in maintenance, too.")
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show every single change.")]
Unsupported = Annotated[
    bool, typer.Option("--unsupported", help="Also on systems that were never tried.")
]
ForceConflicts = Annotated[
    bool,
    typer.Option(
        "--force-conflicts", help="Kubernetes: take over fields that others have set meanwhile."
    ),
]


@dataclass(frozen=True, slots=True)
class Options:
    """What was given. None, () and False mean: not given."""

    files: tuple[Path, ...] = ()
    sets: tuple[str, ...] = ()
    strict: bool = False
    limit: tuple[str, ...] = ()
    output: Literal["human", "json", "yaml", "markdown"] | None = None
    no_color: bool = False
    dry_run: bool = False
    yes: bool = False
    max_impact: Bound | None = None
    prune: bool = False
    delete_data: tuple[str, ...] = ()
    skip_unreachable: bool = False
    during_maintenance: bool = False
    verbose: bool = False
    unsupported: bool = False
    force_conflicts: bool = False

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
