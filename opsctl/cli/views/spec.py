"""A spec that holds, and a spec that was begun."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from opsctl.cli.views.errors import error_data
from opsctl.cli.views.lines import GOOD, WARN, count, line
from opsctl.cli.views.view import View
from opsctl.errors import OpsError
from opsctl.model import Environment


@dataclass(frozen=True, slots=True)
class ValidView(View):
    """What `validate` says of a spec without mistakes."""

    environment: Environment
    findings: Sequence[OpsError]

    def lines(self) -> Iterable[Text]:
        there = self.environment
        things = f"{count(len(there.services), 'service')} on {count(len(there.targets), 'target')}"
        advice = (f", {count(len(self.findings), 'warning')}", WARN) if self.findings else ""
        yield line((there.name, "bold"), ": ", (f"valid, {things}", GOOD), advice, ".")

    def data(self) -> object:
        return {
            "valid": True,
            "environment": self.environment.name,
            "id": self.environment.id,
            "services": list(self.environment.services),
            "targets": list(self.environment.targets),
            "findings": [error_data(finding) for finding in self.findings],
        }


@dataclass(frozen=True, slots=True)
class WrittenView(View):
    """Files that were written, and the commands to type next."""

    files: Sequence[Path]
    following: Sequence[tuple[str, str]]  # command, what it does

    def lines(self) -> Iterable[Text]:
        if len(self.files) > 8:
            yield line(("wrote ", GOOD), f"{len(self.files)} files")
        else:
            yield from (line(("wrote ", GOOD), str(path)) for path in self.files)
        width = max((len(words) for words, _ in self.following), default=0)
        for words, meaning in self.following:
            yield line(("next: ", "cyan"), words.ljust(width), (f"   {meaning}", "dim"))

    def data(self) -> object:
        return {
            "written": [str(path) for path in self.files],
            "next": [words for words, _ in self.following],
        }
