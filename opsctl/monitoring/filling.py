"""{{ name }} in a rule's texts. Prometheus's own templates, which hold a $, are left alone."""

from __future__ import annotations

import re
from collections.abc import Mapping

from opsctl.errors import OpsError

_HOLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")


def fill(text: str, values: Mapping[str, str], where: str) -> str:
    """`text` with every hole filled. Raises OpsError `monitoring/unknown-name`; `where` names the
    rule."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise OpsError(
                "monitoring/unknown-name",
                f"nothing is known as {{{{ {name} }}}}",
                where=where,
                hint=f"there is {', '.join(sorted(values))}",
            )
        return values[name]

    return _HOLE.sub(value, text)


def names(text: str) -> frozenset[str]:
    """The names of its holes."""
    return frozenset(_HOLE.findall(text))


def number(value: float) -> str:
    """As PromQL reads it: 3, 0.25, never 1e+06."""
    return str(int(value)) if value == int(value) else f"{value:.12f}".rstrip("0")
