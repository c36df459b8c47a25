"""Turns a function that takes a Session into a command with the options that it can use."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import Any, Literal

import typer

from opsctl.cli.options import (
    DeleteData,
    DryRun,
    DuringMaintenance,
    Files,
    ForceConflicts,
    Limit,
    MaxImpact,
    NoColor,
    Options,
    Output,
    PlanOutput,
    Prune,
    Sets,
    SkipUnreachable,
    Strict,
    Unsupported,
    Verbose,
    Yes,
)
from opsctl.cli.session import Session
from opsctl.errors import Exit, OpsError

Function = Callable[..., Exit | None]
INTERRUPTED = OpsError("cli/interrupted", "interrupted", exit=Exit.INTERRUPTED)
Takes = Literal[
    "spec", "limit", "output", "plan-output", "dry-run", "consent", "prune", "delete-data",
    "skip-unreachable", "verbose", "unsupported", "yes", "during-maintenance",
    "force-conflicts",
]  # fmt: skip

_GROUPS: dict[Takes, tuple[tuple[str, Any, Any], ...]] = {
    "spec": (("files", Files, None), ("sets", Sets, None), ("strict", Strict, False)),
    "limit": (("limit", Limit, None),),
    "output": (("output", Output, None),),
    "plan-output": (("output", PlanOutput, None),),
    "dry-run": (("dry_run", DryRun, False),),
    "consent": (("yes", Yes, False), ("max_impact", MaxImpact, None)),
    "prune": (("prune", Prune, False),),
    "delete-data": (("delete_data", DeleteData, None),),
    "skip-unreachable": (("skip_unreachable", SkipUnreachable, False),),
    "yes": (("yes", Yes, False),),
    "during-maintenance": (("during_maintenance", DuringMaintenance, False),),
    "verbose": (("verbose", Verbose, False),),
    "unsupported": (("unsupported", Unsupported, False),),
    "force-conflicts": (("force_conflicts", ForceConflicts, False),),
}


def new_app(help: str = "") -> typer.Typer:
    """An app that leaves errors, colours and completion to the main one."""
    return typer.Typer(
        help=help or None,
        rich_markup_mode=None,
        add_completion=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def command(
    app: typer.Typer, *takes: Takes, name: str | None = None
) -> Callable[[Function], Function]:
    """Adds the function to `app`. Its first parameter is the Session; the others are its own.

    `takes` are the groups of shared options behind those, in their order; the Session has them.
    """

    def add(function: Function) -> Function:
        shared = [entry for group in takes for entry in _GROUPS[group]]
        shared.append(("no_color", NoColor, False))

        def run(context: typer.Context, **given: Any) -> int:
            own = {key: _frozen(given.pop(key)) for key, _, _ in shared}
            before = context.find_root().obj
            options = Options(**own).over(before if isinstance(before, Options) else Options())
            try:
                return int(function(Session(options), **given) or Exit.DONE)
            except KeyboardInterrupt:
                raise INTERRUPTED from None

        run.__name__ = function.__name__
        run.__doc__ = function.__doc__
        run.__annotations__ = {}
        run.__signature__ = _signature(function, shared)  # type: ignore[attr-defined]
        app.command(name or function.__name__.replace("_", "-"))(run)
        return function

    return add


def _signature(function: Function, shared: list[tuple[str, Any, Any]]) -> Signature:
    context = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    _, *own = signature(function, eval_str=True).parameters.values()
    options = [
        Parameter(key, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for key, annotation, default in shared
    ]
    return Signature(
        [context, *(item.replace(kind=Parameter.KEYWORD_ONLY) for item in own), *options]
    )


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return () if value is None else value
