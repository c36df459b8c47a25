"""The hosts of a benchmark and what is wanted of them; the same for every tool."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.measuring import Failed
from opsctl.lab import Lab, LabSpec, find, up

PACKAGES = ("redis-server", "redis-tools")
PORT, SENTINEL_PORT = 7379, 27379  # beside opsctl's 6379 and 26379, on the same hosts
LARGEST = 5  # members of one Redis service
MEMORY_MIB = 100  # of each server
SETTING = "slowlog-max-len"  # what changes: any server takes it while it runs
Packages = Literal["cached", "installed"]


@dataclass(frozen=True, slots=True)
class Member:
    """A host and its part: which service it belongs to and who is its first primary."""

    host: str
    address: str
    service: str
    primary: str  # address
    size: int  # members of the service


def members(hosts: Sequence[tuple[str, str]]) -> tuple[Member, ...]:
    """(name, address) of hosts as even services of at most five members, in order."""
    count = -(-len(hosts) // LARGEST)
    found: list[Member] = []
    for number in range(count):
        begin, end = number * len(hosts) // count, (number + 1) * len(hosts) // count
        part = hosts[begin:end]
        found += [
            Member(name, address, f"cache{number + 1}", part[0][1], len(part))
            for name, address in part
        ]
    return tuple(found)


@dataclass(slots=True)
class World:
    """Running hosts. `value` is what SETTING shall be now."""

    lab: Lab
    members: tuple[Member, ...]
    folder: Path
    value: int = 128
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return len(self.members)

    @property
    def bound(self) -> float:
        """Seconds after which a command is given up, far beyond the slowest one seen."""
        return 120 + 30.0 * self.size

    @property
    def inventory_file(self) -> Path:
        return self.folder / "hosts.json"

    def write_inventory(self) -> None:
        """The inventory of ansible, mitogen and pyinfra, with what is wanted now."""
        self.inventory_file.touch(0o600)
        self.inventory_file.write_text(json.dumps({"all": self._inventory()}, indent=1))

    def _inventory(self) -> dict[str, object]:
        known = self.lab.known_hosts
        options = f"-o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null"
        shared = {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.lab.key),
            "ansible_ssh_common_args": f"{options} -o IdentitiesOnly=yes",
            "known_hosts": str(known),
            "maxmemory": MEMORY_MIB * 1024**2,
            "setting": {"name": SETTING, "value": self.value},
            "passwords": self.passwords,
            "digests": {
                user: hashlib.sha256(word.encode()).hexdigest()
                for user, word in self.passwords.items()
            },
        }
        hosts = {
            one.host: {"ansible_host": one.address, "redis": _redis(one)} for one in self.members
        }
        return {"vars": shared, "hosts": hosts}

    def values(self, port: int, logins: dict[str, tuple[str, str]]) -> set[int]:
        """SETTING as the running servers have it; `logins`: service -> user, password."""

        def ask(one: Member) -> int:
            user, password = logins[one.service]
            said = self.lab.exec(
                one.host,
                ["redis-cli", "-p", str(port)],
                timeout=20,
                text=f"AUTH {user} {password}\nCONFIG GET {SETTING}\n",
            )
            number = said.stdout.split()[-1:] or ["nothing"]
            if not number[0].isdecimal():
                raise Failed(f"{one.host}: CONFIG GET {SETTING} gave {number[0]}")
            return int(number[0])

        with ThreadPoolExecutor(8) as pool:
            return set(pool.map(ask, self.members))


def _redis(one: Member) -> dict[str, object]:
    follows = one.address != one.primary
    return {
        "service": one.service,
        "address": one.address,
        "port": PORT,
        "sentinel_port": SENTINEL_PORT,
        "primary": one.primary,
        "quorum": one.size // 2 + 1,
        "follow": f"replicaof {one.primary} {PORT}" if follows else "# nobody",
    }


def new_passwords() -> dict[str, str]:
    """One for each user of the playbook's Redis, for one run of the benchmark."""
    return {user: secrets.token_urlsafe(18) for user in ("ops", "replica", "sentinel", "app")}


def fresh(size: int, packages: Packages, folder: Path, passwords: dict[str, str]) -> World:
    """Hosts with a disk that nobody wrote on; an earlier lab of the name is taken down first.

    `cached`: the packages lie in apt's archives and are not installed. `installed`: they are
    installed, and their own unit is stopped, as on a host where nobody configured them yet.
    """
    take_down(size)
    image = PACKAGES if packages == "installed" else ()
    lab = up(LabSpec(name_of(size), size), packages=image, progress=_silent)
    if packages == "installed":
        on_all(lab, ["systemctl", "disable", "--quiet", "--now", "redis-server.service"])
    hosts = [(host.name, host.address) for host in lab.hosts]
    return World(lab, members(hosts), folder, passwords=passwords)


@contextmanager
def taken_down_at_the_end(size: int) -> Iterator[None]:
    """Whatever happens, no host of the benchmark is left behind."""
    try:
        yield
    finally:
        take_down(size)


def take_down(size: int) -> None:
    """Remove the benchmark's lab of that size, if there is one."""
    if lab := find(name_of(size)):
        lab.down()


def name_of(size: int) -> str:
    return f"bench{size}"


def fetch_packages(size: int, say: Callable[[str], None]) -> None:
    """Have the packages in the lab's cache, so that no measured apply downloads anything."""
    take_down(size)
    lab = up(LabSpec(name_of(size), 1), progress=say)
    download = ["apt-get", "install", "-qq", "--download-only", "--no-install-recommends"]
    on_all(lab, [*download, *PACKAGES], timeout=300)
    lab.down()  # keeps what was downloaded


def on_all(lab: Lab, argv: Sequence[str], timeout: float = 60) -> None:
    """Run a command on every host; raises Failed with the first host's complaint."""

    def one(host: str) -> None:
        done = lab.exec(host, argv, timeout=timeout)
        if done.returncode:
            raise Failed(f"{host}: {argv[0]} failed: {done.stderr.strip()[-300:]}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, [host.name for host in lab.hosts]))


def _silent(_: str) -> None:
    """The lab's progress: a line per fresh lab would hide the results."""
