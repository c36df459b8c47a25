"""The data folders, and the templates among them.

What differs between engines is data: `templates/`, `playbooks/`, `alerts/` and `dashboards/` stand
beside the package in a checkout, and inside it (`opsctl/_data/`) in an installed wheel.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from opsctl.errors import OpsError, OpsErrors, Place
from opsctl.workload.engine import Render
from opsctl.workload.text import Text

if TYPE_CHECKING:
    from jinja2 import BytecodeCache, Environment
    from jinja2.bccache import Bucket

    from opsctl.monitoring import Catalogue
    from opsctl.monitoring.dashboards.document import Board
    from opsctl.monitoring.rule_tests import Trials

_Read = TypeVar("_Read")
_PACKAGE = Path(__file__).resolve().parent


@cache
def folder(name: str) -> Path:
    """The data folder `name`, such as "templates". Raises OpsError when it is nowhere."""
    inside = _PACKAGE / "_data" / name
    beside = _PACKAGE.parent / ("docs" if name == "runbooks" else "") / name
    for candidate in (inside, beside):
        if candidate.is_dir():
            return candidate
    raise OpsError(
        "data/missing",
        f"the data folder {name} is missing from this installation",
        where=f"{inside}, {beside}",
        hint="install opsctl again",
    )


@cache
def catalogue(name: str) -> Catalogue:
    """What alerts/NAME.yaml says.

    Raises OpsErrors with file and line of every mistake, `data/missing` where there is no file.
    """
    from opsctl.monitoring import parse

    return _read(_catalogue_path(name), parse, "monitoring/catalogue")


@cache
def board(name: str) -> Board:
    """What dashboards/NAME.yaml says.

    Raises OpsErrors with file and line of every mistake, `data/missing` where there is no file.
    """
    from opsctl.monitoring.dashboards.document import parse

    path = folder("dashboards") / f"{name}.yaml"
    if not path.is_file():
        raise OpsError("data/missing", f"there is no dashboard of {name}", where=str(path))
    return _read(path, parse, "monitoring/dashboard")


def names(kind: str) -> tuple[str, ...]:
    """Of which there are files in that data folder, in order. Tests beside them are none."""
    return tuple(sorted(path.stem for path in folder(kind).glob("*.yaml") if "." not in path.stem))


def _read(path: Path, parse: Callable[[Mapping[str, Any]], _Read], code: str) -> _Read:
    from pydantic import ValidationError

    try:
        return parse(_yaml(path))
    except ValidationError as error:
        raise OpsErrors(
            tuple(
                OpsError(
                    code,
                    f"{'.'.join(map(str, one['loc']))}: {one['msg']}",
                    where=_place(path, one["loc"]),
                )
                for one in error.errors()
            )
        ) from None


def catalogue_place(name: str, keys: tuple[str | int, ...]) -> Place | None:
    """Where in alerts/NAME.yaml that stands, or the nearest that is there."""
    return _place(_catalogue_path(name), keys)


def _place(path: Path, keys: tuple[str | int, ...]) -> Place | None:
    from opsctl.model.tree import find
    from opsctl.model.yaml_text import parse

    tree = parse(path.read_text(), path)
    for end in range(len(keys), -1, -1):
        entry = find(tree, keys[:end])
        if entry is not None:
            return entry.place or entry.node.place
    return None


def catalogues() -> tuple[str, ...]:
    """The names of all there are."""
    files = folder("alerts").glob("*.yaml")
    return tuple(sorted(file.stem for file in files if not file.stem.endswith(".test")))


@cache
def trials(name: str) -> Trials:
    """What alerts/NAME.test.yaml says. Raises OpsError `monitoring/trials`."""
    from pydantic import ValidationError

    from opsctl.monitoring.rule_tests import Trials

    path = folder("alerts") / f"{name}.test.yaml"
    try:
        return Trials.model_validate(_yaml(path))
    except (OSError, ValidationError) as error:
        raise OpsError("monitoring/trials", str(error), where=str(path)) from None


def runbooks() -> tuple[str, ...]:
    """The alerts that have a page."""
    return tuple(sorted(path.stem for path in folder("runbooks").glob("*.md")))


def runbook_page(alert: str) -> str:
    """Its Markdown."""
    return (folder("runbooks") / f"{alert}.md").read_text()


def _catalogue_path(name: str) -> Path:
    path = folder("alerts") / f"{name}.yaml"
    if path.is_file():
        return path
    raise OpsError("data/missing", f"there is no catalogue of {name}", where=str(path))


def _yaml(path: Path) -> Any:
    """Plain data, twenty times as fast as with places."""
    import yaml

    text = path.read_text()
    try:
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as error:
        from opsctl.model.yaml_text import parse

        parse(text, path)  # raises with the line shown
        raise OpsError("data/syntax", str(error), where=str(path)) from None


@cache
def renderer(templates: str, kept: Path | None = None) -> Render:
    """Renders the templates of one engine; `templates` is its folder below templates/. In `kept`
    compiled ones are kept for the next call of opsctl, if that folder can be had.

    Reference objects (secrets, addresses, files) given as values come out as parts of the Text. A
    template that is not there or uses an undefined name raises OpsError.
    """

    def render(name: str, /, **values: object) -> Text:
        return _render(_environment(kept), f"{templates}/{name}", values)

    return render


def _render(environment: Environment, path: str, values: dict[str, object]) -> Text:
    from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError

    try:
        return Text.parse(environment.get_template(path).render(values))
    except TemplateNotFound as error:
        said = f"there is no template {error.name}"
        raise OpsError("template/missing", said, where=path) from error
    except TemplateSyntaxError as error:
        place = f"{error.name or path}:{error.lineno}"
        raise OpsError("template/syntax", error.message or "", where=place) from error
    except UndefinedError as error:
        raise OpsError("template/undefined", error.message or "", where=path) from error
    except TemplateError as error:
        raise OpsError("template/failed", error.message or str(error), where=path) from error


@cache
def _environment(kept: Path | None) -> Environment:
    """One environment, so that a template is compiled once and templates may include others."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder("templates")),
        bytecode_cache=_compiled(kept) if kept else None,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,  # files that change while it runs would give halves of two releases
        autoescape=False,  # noqa: S701 - configuration files, never HTML
    )


def _compiled(kept: Path) -> BytecodeCache | None:
    """Templates compiled by an earlier call, from a folder that is the caller's alone: it is code.
    What can't be written is compiled again the next time."""
    from jinja2 import FileSystemBytecodeCache

    class Kept(FileSystemBytecodeCache):
        def dump_bytecode(self, bucket: Bucket) -> None:
            with suppress(OSError):
                super().dump_bytecode(bucket)

    try:
        kept.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = kept.stat()
    except OSError:
        return None
    if found.st_uid != os.geteuid() or found.st_mode & 0o022 or not os.access(kept, os.W_OK):
        return None
    return Kept(str(kept))
