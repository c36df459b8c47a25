"""`opsctl version`."""

from __future__ import annotations

from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session

app = new_app()


@command(app, "output")
def version(session: Session) -> None:
    """Print the versions of opsctl and what it stands on."""
    from opsctl.cli.views.version import VersionView

    session.screen.result(VersionView())
