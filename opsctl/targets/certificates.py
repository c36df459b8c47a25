"""Certificates as people read them, and what is wrong with one that is there. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from opsctl.planning.observation import Kept
from opsctl.ports import Certified, Secrets

DAY = 86_400  # seconds


def described(found: Certified) -> str:
    """As a plan shows it, line by line."""
    return (
        f"for {', '.join(found.names)}\n"
        f"by {found.issuer}\n"
        f"from {_date(found.begins)} until {_date(found.ends)}\n"
    )


def judged(secrets: Secrets, pem: str, wanted: str | None) -> Kept:
    """One that is there. `wanted`: the one that should be; None without the root key, and then
    nothing is said against it."""
    should = secrets.certified(wanted) if wanted is not None and pem != wanted else None
    return Kept(pem, amiss(secrets.certified(pem), should) if should is not None else "")


def amiss(found: Certified | None, wanted: Certified) -> str:
    """Why another one is issued."""
    if found is None:
        return "this is no certificate"
    if not found.ours:
        return f"it is of another authority, {found.issuer}"
    if set(found.names) != set(wanted.names):
        return "it has other names"
    if found.left < 0:
        return f"it ended {days(-found.left)} ago"
    if found.ends < wanted.ends:
        return f"renew, {days(found.left)} left"
    if found.uses != wanted.uses:
        return "it is for other uses"
    return "it is over another key"


def days(seconds: float) -> str:
    count = int(seconds // DAY)
    return "1 day" if count == 1 else f"{count} days"


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
