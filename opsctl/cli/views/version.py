"""The versions that a bug report wants."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from rich.text import Text

from opsctl import __version__
from opsctl.cli.views.lines import STRONG, line, table
from opsctl.cli.views.view import View

_BELOW = ("ansible-core", "kubernetes", "pydantic", "typer", "rich")


@dataclass(frozen=True, slots=True)
class VersionView(View):
    """Nothing to keep: it reads what is installed."""

    def lines(self) -> Iterable[Text]:
        yield line(("opsctl ", STRONG), __version__)
        yield from table((), [(name, number) for name, number in self._below().items()])

    def data(self) -> object:
        return {"opsctl": __version__, **self._below()}

    def _below(self) -> dict[str, str]:
        versions = {"python": platform.python_version()}
        for name in _BELOW:
            try:
                versions[name] = version(name)
            except PackageNotFoundError:
                versions[name] = "not installed"
        return versions
