"""Throw-away hosts, for the `lab` commands and for targets that say `hosts: lab`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opsctl.errors import Exit, OpsError

if TYPE_CHECKING:
    from opsctl.lab import Lab
    from opsctl.lab.kubernetes import Cluster


def lab_up(
    name: str,
    *,
    hosts: int = 3,
    system: str = "debian-13",
    disk_mib: int = 8192,
    data_mib: int = 0,
    packages: Sequence[str] = (),
    progress: Callable[[str], None],
) -> Lab:
    """Starts a lab, or what is missing of it. Raises OpsError, lab/missing-tool among others."""
    from opsctl.lab import LabSpec, require, up

    require()
    spec = LabSpec(name, hosts, system, disk_mib, data_mib)
    return up(spec, packages=tuple(packages), progress=progress)


def lab(name: str) -> Lab:
    """A lab that is there. Raises OpsError `lab/none`."""
    from opsctl.lab import find

    found = find(name)
    if found is None:
        call = "opsctl lab up" + (f" --name {name}" if name != "lab" else "")
        raise OpsError(
            "lab/none", f'there is no lab "{name}" on this machine', hint=call, exit=Exit.REFUSED
        )
    return found


def power_switch(of: Lab) -> Callable[[tuple[str, ...], float], tuple[float, float]]:
    """Takes the power of a lab's hosts for so many seconds; gives between which moments it went."""

    def cut_power(hosts: tuple[str, ...], seconds: float) -> tuple[float, float]:
        return of.faults.kill(*hosts, for_=seconds).struck

    return cut_power


def labs() -> tuple[Lab, ...]:
    """Every lab on this machine."""
    from opsctl.lab import labs as all_labs

    return all_labs()


def cluster_up(name: str, *, nodes: int = 4, progress: Callable[[str], None]) -> Cluster:
    """Starts a Kubernetes cluster in lab hosts, or what is missing of it. Raises OpsError lab/*."""
    from opsctl.lab.kubernetes import up

    return up(name, count=nodes, progress=progress)


def cluster(name: str) -> Cluster:
    """A cluster that is there. Raises OpsError `lab/none`."""
    from opsctl.lab.kubernetes import NAME, find

    found = find(name)
    if found is None:
        call = "opsctl lab kubernetes up" + (f" --name {name}" if name != NAME else "")
        message = f'there is no cluster "{name}" on this machine'
        raise OpsError("lab/none", message, hint=call, exit=Exit.REFUSED)
    return found
