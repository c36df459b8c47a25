"""`opsctl render`: everything written out as files, so that nothing of it is a secret of opsctl."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opsctl import wiring
from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session
from opsctl.cli.views.screen import to_yaml
from opsctl.cli.views.spec import WrittenView

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go.")]
app = new_app("Write everything out: spec, Ansible project, manifests.")


@command(app, "spec", "output")
def spec(session: Session) -> None:
    """Print the spec with every default written out, files and --set merged."""
    environment = session.environment()
    if session.options.output == "json":
        import json

        session.screen.text(json.dumps(environment.with_defaults(), indent=2, ensure_ascii=False))
    else:
        session.screen.text(to_yaml(environment.with_defaults()))


@command(app, "spec", "output")
def ansible(session: Session, folder: Folder) -> None:
    """Write a project that plain ansible-playbook runs to the same state, without opsctl."""
    files = wiring.render_ansible(session.parts(), folder)
    session.screen.result(WrittenView(files, [(f"ls {folder}", "its README says how to run it")]))


@command(app, "spec", "output")
def kubernetes(session: Session, folder: Folder) -> None:
    """Write the manifests of all Kubernetes targets, never with a secret's value."""
    session.screen.result(WrittenView(wiring.render_kubernetes(session.parts(), folder), []))


@command(app, "spec", "output")
def rbac(session: Session) -> None:
    """Print the Kubernetes roles that an apply needs, and those that a plan needs."""
    session.screen.text(wiring.render_rbac(session.parts()))


@command(app, "spec", "output")
def dashboards(session: Session, folder: Folder) -> None:
    """Write Grafana dashboards, with the files that provision them and their data source."""
    files = wiring.render_dashboards(session.parts(), folder)
    session.screen.result(WrittenView(files, []))
