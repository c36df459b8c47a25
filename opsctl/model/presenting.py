"""Mistakes made fit to be shown: once each, in reading order, with secrets covered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from opsctl.errors import OpsError, Place
from opsctl.model.base import PLAIN_SECRET


def presentable(mistakes: Iterable[OpsError]) -> tuple[OpsError, ...]:
    """The mistakes in the order in which a reader meets them.

    What stands where a secret was written out is covered in every line that is shown.
    """
    once = {(error.code, error.message, error.where): error for error in mistakes}
    errors = sorted(once.values(), key=_reading_order)
    secrets = [
        error.where
        for error in errors
        if error.code == PLAIN_SECRET and isinstance(error.where, Place)
    ]
    for error in errors:
        if isinstance(error.where, Place):
            error.where = _covered(error.where, secrets)
    return tuple(errors)


def _covered(place: Place, secrets: Iterable[Place]) -> Place:
    text = place.text
    for secret in secrets:
        if (secret.file, secret.line) == (place.file, place.line):
            start = secret.column - 1
            text = text[:start] + "*" * secret.length + text[start + secret.length :]
    if isinstance(place.file, str) and text != place.text:  # `--set` shows its text twice
        return replace(place, text=text, file=place.file.replace(place.text, text))
    return replace(place, text=text)


def _reading_order(error: OpsError) -> tuple[str, int, int]:
    if isinstance(error.where, Place):
        return str(error.where.file), error.where.line, error.where.column
    return "", 0, 0
