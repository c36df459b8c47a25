"""A service's maintenance on its hosts: requests out, what failed in, and what a look tells. Pure
but for the program that each host gets, which is read from the playbooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opsctl.planning.observation import Maintenance
from opsctl.ports import Fence, Upkeep
from opsctl.targets.hosts import asking, layout
from opsctl.targets.hosts.agents import Answers
from opsctl.targets.hosts.bundle import playbooks
from opsctl.targets.hosts.values import Env

WORK = 120.0  # seconds a host may take: systemd reads its units anew, then each member is told


def requests(
    environment: Env, hosts: Iterable[str], upkeep: Upkeep, fence: Fence
) -> dict[str, dict[str, Any]]:
    """One for every host, those without a member too: so that anybody sees it on any of them."""
    program = (playbooks() / "files" / "release.py").read_text()
    wanted = {
        "service": upkeep.service,
        "seconds": upkeep.seconds,
        "who": upkeep.who,
        "reason": upkeep.reason,
        "program": program,
    }
    proof = {"token": fence.token, "holder": fence.holder}
    return {
        host: {
            "maintenance": {**wanted, "calls": _calls(environment, host, upkeep)},
            "fence": proof,
        }
        for host in hosts
    }


def _calls(environment: Env, host: str, upkeep: Upkeep) -> list[dict[str, Any]]:
    return [
        {
            "member": seat.member,
            "unit": layout.unit_name(
                environment.name,
                asking.service_of(seat.member, seat.config_dir),
                pin.component,
                seat.member,
            ),
            "hold": list(pin.hold),
            "release": list(pin.release),
        }
        for seat, pin in upkeep.pins
        if seat.node == host
    ]


def failed(target: str, answers: Answers) -> dict[str, str]:
    """By place: why it did not take it, or which of its members did not. Raises when none took it.

    A host that is away has, for an end, its own timer.
    """
    if not answers.given:
        raise next(iter(answers.failed.values()))
    found = {layout.where(target, host): error.message for host, error in answers.failed.items()}
    for host, answer in answers.given.items():
        if words := answer["maintenance"]["failed"]:
            found[layout.where(target, host)] = "; ".join(words)
    return found


def maintained(looks: Sequence[Mapping[str, Any]]) -> dict[str, Maintenance]:
    """What is held now by any host's own clock: from the first that began it to the last end."""
    known: dict[str, list[Maintenance]] = {}
    for look in looks:
        for service, entry in look.get("maintenance", {}).items():
            known.setdefault(service, []).append(Maintenance(service=service, **entry))
    return {
        service: replace(max(several, key=_until), since=min(one.since for one in several))
        for service, several in known.items()
    }


def _until(one: Maintenance) -> float:
    return one.until
