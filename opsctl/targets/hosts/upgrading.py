"""Newer packages: what hosts are asked, and what all of one system can get. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsctl.errors import Exit, OpsError
from opsctl.targets.hosts import layout
from opsctl.targets.hosts.agents import Answers
from opsctl.targets.hosts.realise.packages import ANY, wanted
from opsctl.workload import Workload

FETCH = 300.0  # seconds that fetching the package lists may take on a host


def requests(workloads: Sequence[Workload], apt: Mapping[str, Any]) -> dict[str, Any]:
    """By host: its members' packages, each with the version that is allowed."""
    packages: dict[str, dict[str, str]] = {}
    for workload in workloads:
        for member in workload.members():
            for component in member.components:
                for package in wanted(component, member.seat.system):
                    here = packages.setdefault(member.seat.node, {})
                    here[package.name] = package.version or ANY
    return {
        host: {"newest": {"packages": names, "settings": dict(apt)}}
        for host, names in packages.items()
    }


def agreed(target: str, answers: Answers) -> Mapping[str, Mapping[str, str]]:
    """By system what all of its hosts can get. A host that can't be reached says nothing: the plan
    tells of it. Raises hosts/versions-differ, and what kept a host from saying."""
    for host, error in answers.failed.items():
        if host not in answers.unreached:
            raise error
    found: dict[str, dict[str, str]] = {}
    source: dict[tuple[str, str], str] = {}
    for host, answer in sorted(answers.given.items()):
        system = str(answer["facts"]["system"])
        for name, version in answer["newest"].items():
            first = source.setdefault((system, name), host)
            known = found.setdefault(system, {}).setdefault(name, version)
            if known != version:
                raise OpsError(
                    "hosts/versions-differ",
                    f"{first} can get {name} {known}, {host} {version}",
                    where=layout.where(target, host),
                    hint="give all hosts of one system the same apt sources",
                    exit=Exit.REFUSED,
                )
    return found
