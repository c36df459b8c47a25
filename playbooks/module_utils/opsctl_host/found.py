"""What one look at one thing gives."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional


class Found(NamedTuple):
    """`attributes` None: nothing is there. `foreign`: why it must not be touched, or ""."""

    attributes: Optional[dict[str, str]]  # noqa: UP045 (Python 3.9 evaluates it)
    text: str = ""
    foreign: str = ""

    def differs(self, desired: dict[str, Any]) -> bool:
        """Whether an attribute that can be compared is not as desired."""
        if self.attributes is None:
            return True
        return any(
            value is not None and self.attributes.get(name) != value
            for name, value in desired.items()
        )
