"""`opsctl runbook`: what to read, do and verify when an alert fires, filled with its labels."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.labels import Labels, pairs
from opsctl.cli.session import Session
from opsctl.cli.views.runbooks import RunbooksView, RunbookView, SectionView
from opsctl.errors import Exit, OpsError, SpecError

if TYPE_CHECKING:
    from opsctl.monitoring.runbooks import Command, Runbook

app = new_app("What to read, do and verify when an alert fires.")
Alert = Annotated[str, typer.Argument(metavar="ALERT", help="One of `opsctl runbook list`.")]


@command(app, "output", name="list")
def list_(session: Session) -> None:
    """Every alert that has a runbook, with what it means."""
    from opsctl import data
    from opsctl.monitoring.runbooks import runbook, wanted

    texts = {name: data.runbook_page(name) for name in data.runbooks()}
    pages = {
        name: runbook(name, text, {label: label.upper() for label in wanted(text)})
        for name, text in texts.items()
    }
    session.screen.result(RunbooksView(pages))


@command(app, "output")
def show(session: Session, alert: Alert, label: Labels = None) -> None:
    """The page, with the labels in its commands."""
    session.screen.result(RunbookView(_page(alert, pairs(label or ()))))


@command(app, "yes", "spec")
def run(session: Session, alert: Alert, label: Labels = None) -> Exit:
    """Walk through it: run what reads, ask before each command that acts, verify.

    Commands that act show their plan and ask once more. Without a terminal they are left out
    unless --yes is said. What was run is noted in the journal.

    Exit 3: it is not right yet. 4: a command that acts was left out for want of somebody to ask.
    """
    page = _page(alert, pairs(label or ()))
    session.parts()  # a wrong spec is told before the first step
    done: list[tuple[Command, Exit | None]] = []
    for section in page.sections:
        session.screen.show(SectionView(section))
        done += [(one, _step(session, one)) for one in section.commands]
    _note(session, page, done)
    codes = [code for _, code in done if code is not None]
    left_out = any(code is None and not one.reads for one, code in done)
    if left_out and not session.screen.interactive:
        return Exit.REFUSED
    return max((code for code in codes if code is not Exit.DONE), default=Exit.DONE)


def _page(alert: str, labels: dict[str, str]) -> Runbook:
    from difflib import get_close_matches

    from opsctl import data
    from opsctl.monitoring.runbooks import runbook

    known = data.runbooks()
    if alert not in known:
        near = get_close_matches(alert, known, n=1)
        raise SpecError(
            "runbook/unknown",
            f"there is no runbook {alert}",
            hint=f'did you mean "{near[0]}"?' if near else "`opsctl runbook list` shows all",
        )
    return runbook(alert, data.runbook_page(alert), labels)


def _step(session: Session, step: Command) -> Exit | None:
    """How the command ended; None where it was left out."""
    if step.missing:
        session.screen.say(f"left out, for want of --label {step.missing[0]}=...: {step.line}")
        return None
    agreed = step.reads or session.options.yes
    if not agreed and not session.screen.interactive:
        session.screen.warn(f"left out, for nobody can be asked (--yes): {step.line}")
        return None
    if not agreed and not session.screen.ask(f"Run `{step.line}`?"):
        return None
    session.screen.say(f"$ {step.line}")
    return Exit(_call(session, step))


def _call(session: Session, step: Command) -> int:
    """Runs one of our own commands, with the options that say which spec is meant."""
    from opsctl.cli.main import main

    words = [*shlex.split(session.flags), *step.words]
    if not step.reads and session.options.yes:
        words.append("--yes")
    code = main(words)
    return code if code in set(Exit) else Exit.FAILED


def _note(session: Session, page: Runbook, done: list[tuple[Command, Exit | None]]) -> None:
    """In the journal: which steps were run, and how each that acts ended."""
    from opsctl.flow.noting import note

    read = sum(one.reads and code is not None for one, code in done)
    acted = [f"{one.line} ({code})" for one, code in done if not one.reads and code is not None]
    words = f"runbook {page.alert}: {read} read; {', '.join(acted) or 'nothing done'}"
    try:
        note(session.parts(), words)
    except OpsError as error:
        session.screen.warn(f"not noted in the journal: {error.message}")
