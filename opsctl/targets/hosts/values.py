"""What a hosts target is made of, resolved: no spec model, lab or inventory file behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from opsctl.workload import SecretRef


@dataclass(frozen=True, slots=True)
class Env:
    """The environment's name, as paths and units have it, and the id that binds it to hosts.

    `beside`: the names of its other targets, one of whose hosts may be the same machine.
    """

    name: str
    id: str
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """One machine. What is None or "" is as in the target's SshOptions.

    `system` ("debian-13") may stay "" until a first look has told it.
    """

    address: str
    rack: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    port: int | None = None
    key: Path | None = None
    system: str = ""
    bastion: str = ""
    become: bool | None = None


@dataclass(frozen=True, slots=True)
class SshOptions:
    """How hosts are reached; what is left out, the user's OpenSSH configuration decides.

    `become` None: sudo unless the user is root. `connect_timeout` is in seconds.
    """

    user: str = ""
    key: Path | None = None
    port: int | None = None
    become: bool | None = None
    become_password: SecretRef | None = None
    bastion: str = ""
    options: tuple[str, ...] = ()
    known_hosts: Path | None = None
    connect_timeout: float = 10.0
    parallel: int = 20


@dataclass(frozen=True, slots=True)
class Packages:
    """How hosts get software. `locked`: system -> package -> exact version, from opsctl.lock."""

    mirror: str = ""
    proxy: str = ""
    locked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    lock_wait: float = 60.0  # seconds to wait for whoever holds the package lock


@dataclass(frozen=True, slots=True)
class Options:
    """Further keys of a hosts target. `unsupported`: systems other than Debian 12 and 13 too.

    `time_service` says what to write for hosts whose clocks nobody keeps. `cut_power(hosts,
    seconds)` takes their power, where something can, and tells the first and the last moment in
    which that may have happened. `stragglers`: seconds that a look waits for hosts that say nothing
    when most others have answered; None for as long as it takes to be sure.
    `collectors`: addresses beyond the target whence metrics are collected.
    """

    packages: Packages = field(default_factory=Packages)
    firewall: Literal["off", "check", "manage"] = "check"
    kernel: Literal["check", "apply"] = "check"
    time: Literal["check", "external"] = "check"
    time_service: Callable[[], str] = lambda: "a service that keeps time"
    unsupported: bool = False
    cut_power: Callable[[tuple[str, ...], float], tuple[float, float]] | None = None
    stragglers: float | None = None
    collectors: tuple[str, ...] = ()
