"""What one look at one thing gives."""

from __future__ import annotations

from typing import Any


class Found:
    """`attributes` None: nothing is there. `foreign`: why it must not be touched, or ""."""

    __slots__ = ("attributes", "foreign", "text")

    def __init__(self, attributes: dict[str, str] | None, text: str = "", foreign: str = ""):
        self.attributes, self.text, self.foreign = attributes, text, foreign

    def differs(self, desired: dict[str, Any]) -> bool:
        """Whether an attribute that can be compared is not as desired."""
        if self.attributes is None:
            return True
        return any(
            value is not None and self.attributes.get(name) != value
            for name, value in desired.items()
        )

    def wire(self) -> list[Any]:
        return [self.attributes, self.text, self.foreign]
