"""A program that runs while something else is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol


class Running(Protocol):
    """A program that was started. Its standard input stays open as long as its caller lives."""

    def line(self, timeout: float) -> str | None:
        """The next line of its output; "" when it has ended, None after so many silent seconds."""
        ...

    @property
    def complaint(self) -> str:
        """The last of what it said on standard error."""
        ...

    def tell(self, text: str) -> None:
        """More for its standard input; does nothing when it has ended."""
        ...

    def stop(self) -> None:
        """Ends it at once; does nothing when it has ended."""
        ...


Start = Callable[[Sequence[str], str], Running]  # command, the begin of its standard input
