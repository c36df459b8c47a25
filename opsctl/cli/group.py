"""The main group: knows every command's name and one line about it, imports it when it is typed."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from opsctl.errors import SpecError


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is: `module` of opsctl.cli, and its line in the help."""

    module: str
    help: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "The spec": {
        "init": Entry("init", "Start a spec: write a commented opsctl.yaml."),
        "validate": Entry("spec", "Check the spec: mistakes with their lines, then advice."),
        "schema": Entry("spec", "Print the spec's JSON Schema, for editors."),
        "render": Entry("render", "Write everything out: spec, Ansible project, manifests."),
        "graph": Entry("graph", "Draw the topology: text, Mermaid or SVG."),
    },
    "Change": {
        "preflight": Entry("preflight", "Check hosts or cluster before anything is changed."),
        "plan": Entry("plan", "Show what would change, and what it would cost."),
        "apply": Entry("apply", "Make it so: shows the plan and asks."),
        "drift": Entry("plan", "Show what differs from the spec; exit 3 when something does."),
        "destroy": Entry("destroy", "Take services down. Data stays unless its name is given."),
        "rollback": Entry("destroy", "Back to an earlier revision of the spec, as a plan."),
    },
    "Watch": {
        "status": Entry("status", "Members, roles, lag, unfinished work, who holds the lock."),
        "logs": Entry("logs", "The log of a member."),
        "connect": Entry("connect", "A client session with the right credentials."),
        "alerts": Entry("alerts", "What fires, what is silenced, whether rules are right."),
        "runbook": Entry("runbook", "What to read, do and verify when an alert fires."),
        "history": Entry("status", "What was done, when, by whom, how it ended."),
        "dashboards": Entry("dashboards", "Grafana dashboards: list, compare, push, check."),
    },
    "Operate": {
        "switchover": Entry("operate", "Move the primary role, planned."),
        "failover": Entry("operate", "Move the primary role without its holder's help."),
        "restart": Entry("operate", "Restart members, one at a time, the primary last."),
        "upgrade": Entry("operate", "Raise packages within the spec's versions, one by one."),
        "scale": Entry("operate", "Change how many members a service has."),
        "maintenance": Entry("maintenance", "Hold a service as it is for a while."),
        "drill": Entry("drill", "Break something on purpose, and measure what clients felt."),
        "backup": Entry("backup", "Take, list and verify backups."),
        "restore": Entry("restore", "Replace a service's data by a backup."),
        "lock": Entry("lock", "Show who holds the environment; release it with a reason."),
        "secrets": Entry("secrets", "Make the root key; show, set and rotate secrets."),
        "cert": Entry("cert", "Certificates: how long they last; renew them; show the authority."),
    },
    "Here": {
        "lab": Entry("lab", "Throw-away hosts on this machine, to try and to break."),
        "version": Entry("version", "Print the versions of opsctl and what it stands on."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class LazyGroup(TyperGroup):
    """Commands by the table above."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Every command's name, in the order of the sections."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Imports the command's module; None for a name that is not there."""
        if cmd_name not in COMMANDS:
            return None
        return load(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Raises SpecError `cli/unknown-command` with the nearest name."""
        if not args[0].startswith("-") and args[0] not in COMMANDS and not ctx.resilient_parsing:
            near = get_close_matches(args[0], COMMANDS, n=1)
            raise SpecError(
                "cli/unknown-command",
                f'there is no command "{args[0]}"',
                hint=f'did you mean "{near[0]}"?' if near else "`opsctl --help` lists them",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """The sections, without importing any command."""
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Names from the table; the names of options as ever."""
        from typer.core import CompletionItem  # type: ignore[attr-defined]

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=entry.help)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]


@cache
def load(name: str) -> Any:
    """The command of that name: of its module's app, or the app itself where it has commands."""
    module = import_module(f"opsctl.cli.{COMMANDS[name].module}")
    app: typer.Typer = module.app
    made = get_command(app)
    inner = getattr(made, "commands", {})
    found = inner.get(name, made)
    found.name = name
    return found
