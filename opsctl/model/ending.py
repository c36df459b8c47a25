"""Authorities that end: from then on the servers that are known by them are asked nothing."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel

from opsctl.model.authorities import Authority, certificates
from opsctl.model.base import Keys
from opsctl.model.environment import Environment
from opsctl.model.findings import Finding

_SOON = 30 * 86_400  # seconds


def authorities_that_end(environment: Environment, now: float) -> Iterator[Finding]:
    """lint/authority-ends for each that has ended, or does soon. `now`: seconds since the epoch."""
    for keys, authority in _held(environment, ()):
        if not environment.written(keys):
            continue  # a service that is implied has it from there
        for one in certificates(authority):
            ends = one.not_valid_after_utc
            if ends.timestamp() - now < _SOON:
                verb = "ended" if ends.timestamp() < now else "ends"
                yield Finding(
                    "lint/authority-ends",
                    f"the certificate of {one.subject.rfc4514_string()} {verb} on {ends:%Y-%m-%d}",
                    hint="name its successor, or both one after the other in one file",
                    keys=keys,
                )


def _held(part: object, keys: Keys) -> Iterator[tuple[Keys, Authority]]:
    """Those in a part of the spec, and where they stand."""
    if isinstance(part, Authority):
        yield keys, part
        return
    inner: Iterator[tuple[str | int, object]]
    if isinstance(part, BaseModel):
        inner = ((name, getattr(part, name)) for name in type(part).model_fields)
    elif isinstance(part, dict):
        inner = iter(part.items())
    elif isinstance(part, tuple):
        inner = iter(enumerate(part))
    else:
        return
    for key, value in inner:
        yield from _held(value, (*keys, key))
