"""Which secrets there are, never their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.text import Text

from opsctl.cli.views.lines import DIM, line, table
from opsctl.cli.views.view import View


class Known(Protocol):
    """A secret that can be told; `generation` is 0 for what people gave."""

    @property
    def name(self) -> str: ...
    @property
    def given(self) -> bool: ...
    @property
    def generation(self) -> int: ...


@dataclass(frozen=True, slots=True)
class SecretsView(View):
    """One line each."""

    secrets: Sequence[Known]

    def lines(self) -> Iterable[Text]:
        if not self.secrets:
            yield line(("no secrets yet: `opsctl secrets init` makes the root key", DIM))
            return
        rows = [
            (item.name, "given" if item.given else "derived", str(item.generation or ""))
            for item in self.secrets
        ]
        yield from table(("NAME", "FROM", "GENERATION"), rows, indent=0)

    def data(self) -> object:
        return [
            {"name": item.name, "given": item.given, "generation": item.generation or None}
            for item in self.secrets
        ]
