"""Whether something keeps this host's clock, as the kernel was told: adjtimex(2), changing nothing.

A container without CAP_SYS_TIME may not be let ask: then nothing is said.
"""

from __future__ import annotations

import ctypes
from typing import Any

UNSYNC, NANO = 0x0040, 0x2000  # status bits: nobody keeps it; offset is in nanoseconds


class _Timex(ctypes.Structure):
    """struct timex, as far as it is read; the rest is room for what the kernel writes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def kept() -> dict[str, Any] | None:
    """synced, error (the most it can be off) and offset (still to be slewed), both in seconds."""
    said = _Timex()
    try:
        if ctypes.CDLL(None).adjtimex(ctypes.byref(said)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    unit = 1e-9 if said.status & NANO else 1e-6
    return {
        "synced": not said.status & UNSYNC,
        "error": said.maxerror / 1e6,
        "offset": said.offset * unit,
    }
