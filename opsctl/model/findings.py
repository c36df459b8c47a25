"""A finding of the linter: advice with a code and a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from opsctl.errors import Place
from opsctl.model.base import Keys


@dataclass(frozen=True, slots=True)
class Finding:
    """What the linter says. `code` is "lint/kebab-case" and stable.

    `keys` leads to the value meant: from the service in ServiceBase.lint, from the top of the
    spec in what `lint(environment)` gives, where `where` is filled in from it.
    """

    code: str
    message: str
    hint: str = ""
    severity: Literal["warning", "error"] = "warning"
    keys: Keys = ()
    where: Place | str = ""
