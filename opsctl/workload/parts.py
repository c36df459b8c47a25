"""What a member is made of: software, a command, files, ports, volumes, limits, wishes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from opsctl.model import Cron
from opsctl.workload.acts import Query, Standing
from opsctl.workload.certs import Cert
from opsctl.workload.files import ConfigFile


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution package.

    `version` is a leading part of the upstream version ("8", "8.0"), "" for any. `own_units` are
    the services that the package itself starts: they are masked where they are not in use.
    """

    name: str
    version: str = ""
    own_units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Software:
    """Where the program comes from, by the seat's system; `image` where images are run."""

    packages: Mapping[str, tuple[Package, ...]]  # "debian-13" -> packages
    image: str = ""  # reference without a registry, e.g. "redis:8"; a target maps it


@dataclass(frozen=True, slots=True)
class Command:
    """How a component's process lives. Arguments never hold a secret."""

    argv: tuple[str, ...]
    before_start: tuple[tuple[str, ...], ...] = ()  # each must exit 0, in order, as the same user
    before_start_timeout: float = 90.0  # seconds for all of them together
    after_start: tuple[tuple[str, ...], ...] = ()  # once the process runs, it may not answer yet
    reload: tuple[str, ...] = ()  # takes in changed `reload` files, clients notice nothing
    before_stop: tuple[tuple[str, ...], ...] = ()
    grace: float = 30.0  # seconds between the stop signal and SIGKILL
    restart_delay: float = 1.0  # seconds until a process that died is started again


@dataclass(frozen=True, slots=True)
class Port:
    """A port that the component listens on, and who needs to reach it.

    `audience`: anybody; the service's own members; or those and whoever collects metrics.
    `address`: a floating one, the only address it listens on; "" for the member's own. `entrance`:
    where clients come in that use an address of this port's own, of the port's name: members near
    clients have such. 0: none.
    """

    name: str
    number: int
    audience: Literal["clients", "members", "collectors"] = "clients"
    address: str = ""
    entrance: int = 0


@dataclass(frozen=True, slots=True)
class Floating:
    """An address that moves between the nodes of a component's members.

    A target refuses one that no node's network has, that a node has already by other means, or
    that somebody else answers.
    """

    address: str  # IPv4 or IPv6, without a prefix
    interface: str = ""  # "": the one whose network the node's own address is in


@dataclass(frozen=True, slots=True)
class Sign:
    """A line of a component's log that tells when something happened, for a drill's timeline.

    `words` may hold the pattern's groups by name, such as "{member} is down".
    """

    pattern: str  # a regular expression, searched for
    phase: Literal["detected", "elected", "switched", "moved"]
    words: str


@dataclass(frozen=True, slots=True)
class Volume:
    """Where data lives: bytes that outlive the process."""

    path: str
    size: int | None = None  # bytes
    require_mount: bool = False  # the server stays down while nothing is mounted there
    min_free: int | None = None  # bytes, checked before anything is changed


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the process; None leaves the system's own."""

    memory: int | None = None  # bytes, the hard cap of the cgroup or container
    memory_request: int | None = None  # bytes, what a scheduler reserves
    open_files: int | None = None


@dataclass(frozen=True, slots=True)
class Kernel:
    """A wish to the node's kernel: a sysctl, or "transparent_hugepage"."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Probe:
    """A question that a supervisor asks again and again; exit code 0 is yes."""

    purpose: Literal["live", "ready"]
    argv: tuple[str, ...]
    period: float = 5.0  # seconds
    failures: int = 3


@dataclass(frozen=True, slots=True)
class Job:
    """A program that a supervisor runs beside a member at times, as the component's user.

    `folder` is the only other place that it may write to; it outlives the member, and what is in it
    is never removed by a target. It may run beside the member rather than with it: it reaches the
    member's servers at their address, for a loopback may be another's. `metrics`: a seeded
    file in Prometheus's text format that it rewrites in place, for whoever measures the node; else
    below its folder, for a component that `reads` it.
    """

    name: str
    words: str  # what it does, for people
    when: Cron
    argv: tuple[str, ...]
    folder: str
    timeout: float  # seconds
    size: int | None = None  # bytes, where a folder is given room; None: as a target is wont to
    metrics: ConfigFile | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """One process of a member.

    `sees`: what is hidden from an ordinary process and this one has to read: the kernel's clock,
    or how full file systems below /home are. `discovers`: it asks the place which members are
    where, and may do nothing else there. `reads`: the names of jobs of its member whose folders it
    looks into, as the same user.
    """

    name: str
    software: Software
    command: Command
    user: str  # the account it runs as
    files: tuple[ConfigFile, ...] = ()
    ports: tuple[Port, ...] = ()
    volumes: tuple[Volume, ...] = ()
    probes: tuple[Probe, ...] = ()
    limits: Limits = field(default_factory=Limits)
    kernel: tuple[Kernel, ...] = ()
    health: Query[Standing] | None = None
    capabilities: tuple[str, ...] = ()  # beyond an ordinary process's, such as "CAP_NET_ADMIN"
    floating: tuple[Floating, ...] = ()
    signs: tuple[Sign, ...] = ()
    jobs: tuple[Job, ...] = ()
    sees: tuple[Literal["clock", "homes"], ...] = ()
    discovers: bool = False
    certs: tuple[Cert, ...] = ()
    reads: tuple[str, ...] = ()

    @property
    def all_files(self) -> tuple[ConfigFile, ...]:
        """Its certificates' first: a configuration that names them is checked when written."""
        return (*(file for cert in self.certs for file in cert.files()), *self.files)
