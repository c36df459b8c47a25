"""Runbooks, as Markdown is read on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.text import Text

from opsctl.cli.views.lines import STRONG, line, table
from opsctl.cli.views.view import View
from opsctl.monitoring.runbooks import Runbook, Section


@dataclass(frozen=True, slots=True)
class RunbooksView(View):
    """One line for each."""

    pages: Mapping[str, Runbook]

    def lines(self) -> Iterable[Text]:
        yield from table((), [[(name, STRONG), _first(page)] for name, page in self.pages.items()])

    def data(self) -> object:
        return {
            "runbooks": [
                {"alert": name, "means": _first(page)} for name, page in self.pages.items()
            ]
        }


def _first(page: Runbook) -> str:
    """The first sentence of what it means."""
    return page.sections[0].prose.partition(". ")[0].rstrip(".")


@dataclass(frozen=True, slots=True)
class RunbookView(View):
    """The whole page."""

    page: Runbook

    def lines(self) -> Iterable[Text]:
        for text in self.page.text.rstrip().splitlines():
            yield line((text, STRONG)) if text.startswith("#") else line(text)

    def markdown(self) -> str:
        return self.page.text

    def data(self) -> object:
        return {
            "alert": self.page.alert,
            "sections": [
                {
                    "title": one.title,
                    "words": one.prose,
                    "commands": [
                        {"line": step.line, "reads": step.reads, "missing": list(step.missing)}
                        for step in one.commands
                    ],
                }
                for one in self.page.sections
            ],
        }


@dataclass(frozen=True, slots=True)
class SectionView(View):
    """A part of it, shown before its commands are run."""

    section: Section

    def lines(self) -> Iterable[Text]:
        yield line()
        yield line((self.section.title, STRONG))
        for text in self.section.prose.splitlines():
            yield line(text)

    def data(self) -> object:
        return {"title": self.section.title, "words": self.section.prose}
