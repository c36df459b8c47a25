"""`opsctl preflight`: hosts or cluster, before anything is changed."""

from __future__ import annotations

from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session
from opsctl.cli.views.checks import PreflightView
from opsctl.errors import Exit
from opsctl.flow.watching import status

app = new_app()


@command(app, "unsupported", "spec", "output")
def preflight(session: Session) -> Exit:
    """Check hosts or cluster before anything is changed.

    Exit 4 when something stands in the way, 6 when a place can't be seen.
    """
    view = PreflightView(status(session.parts()))
    session.screen.result(view)
    return view.exit
