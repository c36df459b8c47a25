"""Amounts as Kubernetes writes them: "1Gi" and "1024Mi" are the same. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

_AMOUNT: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?)([numkMGTPE]|[KMGTPE]i)?")
_PLACES: Final = frozenset({"requests", "limits", "capacity", "hard", "used"})
_FACTORS: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}


def amount(text: object) -> Decimal | None:
    """The number that it stands for; None for what is no amount."""
    found = _AMOUNT.fullmatch(str(text))
    return Decimal(found[1]) * _FACTORS[found[2] or ""] if found else None


def same_quantity(one: object, other: object, path: Sequence[str]) -> bool:
    """Whether two values at this path are one amount; only where amounts stand."""
    if not (_PLACES & set(path) or path[-1:] == ("sizeLimit",)):
        return False
    known = amount(one)
    return known is not None and known == amount(other)
