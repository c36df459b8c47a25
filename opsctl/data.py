"""The data folders, and the templates among them.

What differs between engines is data: `templates/`, `playbooks/`, `alerts/` and `dashboards/` stand
beside the package in a checkout, and inside it (`opsctl/_data/`) in an installed wheel.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from opsctl.errors import OpsError
from opsctl.workload.engine import Render
from opsctl.workload.text import Text

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE = Path(__file__).resolve().parent


@cache
def folder(name: str) -> Path:
    """The data folder `name`, such as "templates". Raises OpsError when it is nowhere."""
    inside, beside = _PACKAGE / "_data" / name, _PACKAGE.parent / name
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
def renderer(templates: str) -> Render:
    """Renders the templates of one engine; `templates` is its folder below templates/.

    Reference objects (secrets, addresses, files) given as values come out as parts of the Text. A
    template that is not there or uses an undefined name raises OpsError.
    """

    def render(name: str, /, **values: object) -> Text:
        return _render(f"{templates}/{name}", values)

    return render


def _render(path: str, values: dict[str, object]) -> Text:
    from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError

    try:
        return Text.parse(_environment().get_template(path).render(values))
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
def _environment() -> Environment:
    """One environment, so that a template is compiled once and templates may include others."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,  # files that change while it runs would give halves of two releases
        autoescape=False,  # noqa: S701 - configuration files, never HTML
    )
