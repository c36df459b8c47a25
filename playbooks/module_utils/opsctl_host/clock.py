"""Whether something keeps this host's clock, as the kernel was told: adjtimex(2), changing nothing.

A container without CAP_SYS_TIME may not be let ask: then nothing is said.
"""

from __future__ import annotations

# What ctypes itself is made of: its own import costs every look 4 ms.
from _ctypes import CFuncPtr, Structure, _SimpleCData, byref, dlopen, dlsym
from typing import Any

UNSYNC, NANO = 0x0040, 0x2000  # status bits: nobody keeps it; offset is in nanoseconds
CDECL = 1  # how C functions are called


class _Int(_SimpleCData):  # type: ignore[type-arg]
    _type_ = "i"


class _Long(_SimpleCData):  # type: ignore[type-arg]
    _type_ = "l"


class _Timex(Structure):
    """struct timex, as far as it is read; the rest is room for what the kernel writes."""

    _fields_ = (
        ("modes", _Int),
        ("offset", _Long),
        ("freq", _Long),
        ("maxerror", _Long),
        ("esterror", _Long),
        ("status", _Int),
        ("rest", _Int * 64),
    )


class _Function(CFuncPtr):
    _flags_ = CDECL
    _restype_ = _Int


def kept() -> dict[str, Any] | None:
    """synced, error (the most it can be off) and offset (still to be slewed), both in seconds."""
    said = _Timex()
    try:
        adjtimex = _Function(dlsym(dlopen(None, 0), "adjtimex"))
    except OSError:
        return None
    if int(adjtimex(byref(said))) < 0:
        return None
    unit = 1e-9 if said.status & NANO else 1e-6
    return {
        "synced": not said.status & UNSYNC,
        "error": said.maxerror / 1e6,
        "offset": said.offset * unit,
    }
