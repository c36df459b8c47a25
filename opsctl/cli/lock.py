"""`opsctl lock`: who holds the environment."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.options import Yes
from opsctl.cli.session import Session
from opsctl.cli.views.checks import LockView
from opsctl.errors import Exit, OpsError
from opsctl.flow.watching import release_lock, status

app = new_app("Who holds the environment; release it with a reason.")


@command(app, "spec", "output")
def show(session: Session) -> Exit:
    """Who holds the lock, since when, and when it ends by itself.

    Exit 6: a part can't be asked.
    """
    now = status(session.parts())
    holders = [now.holder] if now.holder else []
    session.screen.result(LockView(now.environment, holders, time.time(), away=now.unreachable))
    return now.unseen


@command(app, "spec", "output")
def release(
    session: Session,
    reason: Annotated[str, typer.Option(help="Why; it is written to the journal.")],
    yes: Yes = False,
) -> Exit:
    """Take the lock from its holder. What that one left running can't write any more, but for the
    change that is under way.

    Exit 5: a target that is away keeps its own, or a journal could not be told why. 6: none that
    can be asked was held, and one is away.
    """
    parts = session.parts()
    if not yes:
        _agree(session)
    done = release_lock(parts, reason)
    holders = tuple(done.held.values())
    if holders or not done.failed:
        name = parts.environment.name
        session.screen.result(LockView(name, holders, time.time(), released=True))
    for error in done.failed:
        session.screen.error(error)
    return done.exit


def _agree(session: Session) -> None:
    """Raises OpsError (exit 4) unless the person says yes."""
    if not session.screen.interactive:
        raise OpsError(
            "apply/no-consent", "nobody is there to be asked", hint="say --yes", exit=Exit.REFUSED
        )
    if not session.screen.ask("Take the lock away from whoever holds it?"):
        raise OpsError("apply/declined", "nothing was changed", exit=Exit.REFUSED)
