"""Tells members to hold, or lets them go."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Final

from opsctl.ports import Asked, Upkeep
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.asking import ask
from opsctl.targets.kubernetes.commands import program
from opsctl.targets.kubernetes.holding import SCRIPT
from opsctl.targets.kubernetes.pods import Place
from opsctl.targets.kubernetes.site import SOURCES, Site
from opsctl.workload import Answer, Pin, Query, Seat, SecretRef

TIMEOUT: Final = 25.0  # seconds that one member may take


def pin(api: Api, site: Site, places: Mapping[str, Place], upkeep: Upkeep) -> dict[str, str]:
    """Holds or lets go; what failed, in words, by place. A member without a running pod ends its
    hold by itself, once it runs again."""
    asked = [_asked(seat, one, upkeep.seconds) for seat, one in upkeep.pins]
    given = ask(api, site, places, asked, _no_secret)
    return {
        f"{site.target}/{one.seat.member}": words
        for one in asked
        if (words := _wrong(given.get((one.seat.member, one.component), ())))
    }


def _asked(seat: Seat, pin: Pin, seconds: float) -> Asked:
    verb: tuple[str, ...] = ("end", pin.component)
    if seconds:
        hold, release = (shlex.join(program(argv)) for argv in (pin.hold, pin.release))
        verb = ("begin", pin.component, f"{seconds:.0f}", hold, release)
    words = ("sh", f"{SOURCES}/{SCRIPT}", *verb)
    return Asked(seat, pin.component, Query(words, _itself, timeout=TIMEOUT), mutating=True)


def _wrong(answers: tuple[Answer, ...]) -> str:
    """ "" when it was done."""
    if not answers:
        return "its pod does not run"
    (said,) = answers
    lines = (said.stderr or said.stdout).strip().splitlines()
    return (lines[-1] if lines else f"exit code {said.exit}") if said.exit else ""


def _itself(answer: Answer) -> Answer:
    return answer


def _no_secret(ref: SecretRef) -> str:
    raise TypeError(f"a hold needs no secret, and this one wants {ref.name}")
