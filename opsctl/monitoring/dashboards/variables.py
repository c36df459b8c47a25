"""What a reader chooses on a dashboard, and the labels that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ALL = ".*"  # what Grafana fills in for "All"
PLACES: Mapping[str, str] = {
    "in_environment": 'environment="$environment"',
    "in_service": 'environment="$environment",service=~"$service"',
}
_SELECTORS = {
    "member": f'{PLACES["in_service"]},member=~"$member"',
    "host": 'environment="$environment",host=~"$host"',
    "environment": PLACES["in_environment"],
}


@dataclass(frozen=True, slots=True)
class Variable:
    """One choice. `value`: a constant, which nobody is asked for; else the values of the label
    `name` among the series of `among`. `several`: more than one at a time, or all of them.
    """

    name: Literal["environment", "service", "member", "host"]
    value: str = ""
    among: str = ""
    several: bool = False


def places(per: str) -> Mapping[str, str]:
    """What the words in an expression stand for on a dashboard that is `per` member, host, ..."""
    return {**PLACES, "selector": _SELECTORS[per], "any_job": _SELECTORS[per]}


def constants(environment: str, service: str = "") -> tuple[Variable, ...]:
    """The choices that are made already."""
    given = [Variable("environment", environment)]
    return (*given, Variable("service", service)) if service else (*given,)


def of_members(environment: str, job: str, service: str = "") -> tuple[Variable, ...]:
    """Those of a dashboard of servers: of one service, or of any that has such servers."""
    wanted = f',job="{job}"' if job else ""
    chosen = 'environment="$environment"'
    pick = () if service else (Variable("service", among=f"up{{{chosen}{wanted}}}"),)
    members = f'up{{{chosen},service=~"$service"{wanted}}}'
    return (
        *constants(environment, service),
        *pick,
        Variable("member", among=members, several=True),
    )


def of_hosts(environment: str, job: str) -> tuple[Variable, ...]:
    """Those of a dashboard of hosts."""
    among = f'up{{environment="$environment",job="{job}"}}'
    return (*constants(environment), Variable("host", among=among))
