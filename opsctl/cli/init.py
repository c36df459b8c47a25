"""`opsctl init`: a spec to begin with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from opsctl.cli.command import command, new_app
from opsctl.cli.options import DEFAULT_FILE
from opsctl.cli.session import Session
from opsctl.errors import Exit, OpsError

app = new_app()
_STARTS = Path(__file__).parent / "starts"
_NEXT = {
    "minimal": (
        ("opsctl validate", "check the spec"),
        ("opsctl secrets init", "make the root key that passwords come from"),
        ("opsctl lab up", "start the throw-away hosts"),
        ("opsctl apply", "show the plan, ask, and build it"),
    ),
    "production": (
        ("opsctl validate", "check the spec, once your hosts are in it"),
        ("opsctl secrets init", "make the root key that passwords come from"),
        ("opsctl preflight", "check the hosts, change nothing"),
        ("opsctl apply", "show the plan, ask, and build it"),
    ),
}


@command(app, "output")
def init(
    session: Session,
    file: Annotated[Path, typer.Argument(help="The file to write.")] = DEFAULT_FILE,
    example: Annotated[
        Literal["minimal", "production"], typer.Option(help="Which spec to begin with.")
    ] = "minimal",
    name: Annotated[str, typer.Option(help="The environment; left out: the folder's name.")] = "",
) -> None:
    """Start a spec: write a commented opsctl.yaml. A file that is there is never overwritten."""
    from opsctl.cli.views.spec import WrittenView

    write_new(file, start(example, name or name_from(file)))
    given = "" if file == DEFAULT_FILE else f" -f {file}"
    following = [
        (words if words == "opsctl lab up" else words + given, meaning)
        for words, meaning in _NEXT[example]
    ]
    session.screen.result(WrittenView([file], following))


def start(example: str, name: str) -> str:
    """The text of a new spec."""
    return (_STARTS / f"{example}.yaml").read_text().replace("name: NAME", f"name: {name}", 1)


def name_from(file: Path) -> str:
    """The folder's name as an environment's name."""
    words = re.sub(r"[^a-z0-9]+", "-", file.absolute().parent.name.lower()).strip("-")[:40]
    return words.strip("-") or "shop"


def write_new(file: Path, text: str) -> None:
    """Writes a file that must not be there. Raises OpsError `init/exists`, `init/unwritable`."""
    try:
        with file.open("x") as stream:
            stream.write(text)
    except FileExistsError:
        raise OpsError(
            "init/exists",
            "the file is there already, and nothing was changed",
            where=str(file),
            hint="name another file: opsctl init FILE",
            exit=Exit.REFUSED,
        ) from None
    except OSError as error:
        raise OpsError(
            "init/unwritable", error.strerror or str(error), where=str(file), exit=Exit.FAILED
        ) from None
