"""What a result offers, so that one interface shows them all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text


class View(ABC):
    """One result. Making its lines and data is pure; printing them is the Screen's."""

    @abstractmethod
    def lines(self) -> Iterable[Text]:
        """For people: one Text for every line, never wrapped."""

    @abstractmethod
    def data(self) -> object:
        """For programs: plain data for JSON and YAML, with stable keys."""

    def markdown(self) -> str:
        """For a pull request's comment."""
        return "\n".join(["```", *(line.plain for line in self.lines()), "```"])
