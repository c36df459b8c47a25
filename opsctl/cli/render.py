"""`opsctl render`: everything written out as files, so that nothing of it is a secret of opsctl."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from opsctl import wiring
from opsctl.cli.command import command, new_app
from opsctl.cli.session import Session
from opsctl.cli.views.screen import to_yaml
from opsctl.cli.views.spec import WrittenView
from opsctl.errors import OpsError, SpecError

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
    with _below(folder):
        files = wiring.render_ansible(session.parts(), folder)
    session.screen.result(WrittenView(files, [(f"ls {folder}", "its README says how to run it")]))


@command(app, "spec", "output")
def kubernetes(session: Session, folder: Folder) -> None:
    """Write the manifests of all Kubernetes targets, never with a secret's value."""
    with _below(folder):
        files = wiring.render_kubernetes(session.parts(), folder)
    session.screen.result(WrittenView(files, []))


@command(app, "spec", "output")
def monitoring(session: Session, folder: Folder) -> None:
    """Write targets, rules and a snippet for a Prometheus that is already there to include."""
    with _below(folder):
        files = wiring.render_monitoring(session.parts(), folder)
    words = "its README says how they are taken in, and the passwords that they want"
    session.screen.result(WrittenView(files, [(f"ls {folder}", words)]))


@command(app, "spec", "output")
def rbac(session: Session) -> None:
    """Print the Kubernetes roles that an apply needs, and those that a plan needs."""
    session.screen.text(wiring.render_rbac(session.parts()))


@command(app, "spec", "output")
def dashboards(
    session: Session,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Where the files go.")
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw them with live data as one HTML page instead."),
    ] = None,
    last: Annotated[float, typer.Option(min=5, help="Minutes that the page shows.")] = 60,
    prometheus: Annotated[
        str, typer.Option(metavar="URL", help="Whom the page asks. Left out: the environment's.")
    ] = "",
) -> None:
    """Write Grafana dashboards, with the files that provision them; or a page that shows them."""
    if folder is None and preview is None:
        raise SpecError("cli/usage", "say where: a folder, or --preview FILE.html")
    parts = session.parts()
    files: tuple[Path, ...] = ()
    if folder is not None:
        with _below(folder):
            files = wiring.render_dashboards(parts, folder)
    if preview is not None:
        page, away = wiring.preview(parts, last, prometheus)
        with _below(preview):
            preview.write_text(page)
        files = (*files, preview)
        for error in away:
            session.screen.warn(f"changes that {error.where} alone knows of are not on the page")
    session.screen.result(WrittenView(files, []))


@contextmanager
def _below(place: Path) -> Iterator[None]:
    """Raises OpsError `render/unwritable` for what can't be written at `place` or made above it."""
    try:
        yield
    except OSError as error:
        if error.filename is None:  # such as a full disk
            raise
        failed = Path(str(error.filename)).absolute()
        whole = place.absolute()
        if not (failed.is_relative_to(whole) or whole.is_relative_to(failed)):
            raise
        raise OpsError(
            "render/unwritable", error.strerror or str(error), where=str(error.filename),
            hint="name another place that you may write to",
        ) from None  # fmt: skip
