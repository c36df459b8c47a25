"""Times on the command line."""

from __future__ import annotations

from opsctl.errors import SpecError
from opsctl.model import Duration


def duration(option: str, text: str, least: float = 0.0) -> Duration:
    """Raises SpecError `cli/usage` for what is no time of at least so many seconds."""
    try:
        found = Duration.parse(text)
    except ValueError as error:
        raise SpecError(
            "cli/usage", f"{option} {text}: {error}", hint="such as 30s or 2h"
        ) from None
    if found.seconds < least:
        raise SpecError("cli/usage", f"{option} {text} is too short", hint="such as 30s or 2h")
    return found
