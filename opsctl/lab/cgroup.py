"""One cgroup per lab and below it one per host: the kernel's own list of a host's processes.

Hosts started from one cgroup would share the "payload" group that systemd-nspawn makes, and then
a systemd that stops its unit kills the same unit of every host. So each has a group of its own.
It also says without doubt which processes are ours, however they were started and whoever died:
no process id is ever stored.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from opsctl.errors import OpsError
from opsctl.lab.commands import until

PREFIX = "opsctl-lab-"
LEAVING = 180  # seconds for the kernel to let go of a dead host: under 1, but 73 were seen


def unified_root() -> Path | None:
    """Where cgroup v2 is mounted, or None."""
    return _mounted("cgroup2", "")


def controllers() -> tuple[Path, ...]:
    """Where version 1 controllers are mounted, such as /sys/fs/cgroup/memory."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return tuple(
        Path(target)
        for _, target, kind, options, *_ in mounts
        if kind == "cgroup" and "name=systemd" not in options.split(",")
    )


def _mounted(kind: str, option: str) -> Path | None:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, target, found, options, *_ = line.split()
        if found == kind and (not option or option in options.split(",")):
            return Path(target)
    return None


@dataclass(frozen=True, slots=True)
class Cgroup:
    """A group `name` (such as opsctl-lab-TAG/n1) in cgroup v2 and, if there, in name=systemd.

    With `nested`, in every version 1 controller too: containers of such a host have groups there,
    which must not lie beside those of the next host.
    """

    name: str
    nested: bool = False

    @property
    def path(self) -> Path:
        root = unified_root()
        if root is None:
            raise OpsError("lab/no-cgroup2", "no cgroup v2 hierarchy is mounted")
        return root / self.name

    @property
    def folders(self) -> tuple[Path, ...]:
        """v2 first. systemd-nspawn also moves itself in name=systemd where that is mounted."""
        legacy = _mounted("cgroup", "name=systemd")
        found = (self.path, legacy / self.name) if legacy else (self.path,)
        return found + (self._controlled() if self.nested else ())

    def _controlled(self) -> tuple[Path, ...]:
        return tuple(root / self.name for root in controllers())

    def make(self) -> None:
        for folder in self.folders:
            folder.mkdir(parents=True, exist_ok=True)
        for root in controllers() if self.nested else ():
            _allow_cpus(root, self.name)

    def join(self) -> None:
        """Move the calling process into the group."""
        self.make()
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def populated(self) -> bool:
        """Whether any process is in the group or below it."""
        return "populated 1" in self._read("cgroup.events")

    def frozen(self) -> bool:
        return "frozen 1" in self._read("cgroup.events")

    def freeze(self, frozen: bool) -> None:
        """Stop or continue every process of the group, and wait until it is so (5 s)."""
        try:
            (self.path / "cgroup.freeze").write_text(str(int(frozen)))
        except FileNotFoundError:
            return
        state = "stand still" if frozen else "go on"
        until(lambda: self.frozen() == frozen, what=f"{self.name} to {state}", timeout=5)

    def kill(self) -> None:
        """SIGKILL to all at once, frozen or not, and wait until none is left.

        Raises lab/timeout after `LEAVING` seconds.
        """
        what = f"the processes of {self.name} to end"
        until(lambda: not self._struck(), what=what, timeout=LEAVING)

    def _struck(self) -> bool:
        # Once is not enough: a host that was just started joins in its own time, and what joins
        # after a blow was not hit by it.
        self.strike()
        return self.populated()

    def strike(self) -> None:
        """SIGKILL to all at once, frozen or not; none of them acts any more."""
        with suppress(FileNotFoundError):
            (self.path / "cgroup.kill").write_text("1")

    def processes(self, below: str = "") -> tuple[int, ...]:
        """Process ids in one folder of the group, as the machine counts them."""
        return tuple(int(line) for line in self._read(f"{below}/cgroup.procs".lstrip("/")).split())

    def remove(self) -> None:
        """Remove the group and all below it, and what joins it meanwhile; kill it before."""
        for top in (*self.folders, *self._controlled()):
            until(partial(self._gone, top), what=f"{top} to be removable", timeout=LEAVING)

    def _gone(self, top: Path) -> bool:
        self.strike()
        return _removed(top)

    def _read(self, file: str) -> str:
        try:
            return (self.path / file).read_text()
        except (FileNotFoundError, OSError):
            # The group goes away with its last process; a read in that moment says ENODEV.
            return ""


def _allow_cpus(root: Path, name: str) -> None:
    """A new cpuset group holds no processor and no memory node, so that nothing can join it."""
    at = root
    for step in Path(name).parts:
        above, at = at, at / step
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (at / file).exists() and not (at / file).read_text().strip():
                (at / file).write_text((above / file).read_text())


def _removed(top: Path) -> bool:
    """Try once to remove a tree of groups, deepest first."""
    try:
        for folder, _, _ in os.walk(top, topdown=False):
            Path(folder).rmdir()
    except FileNotFoundError:
        return not top.exists()
    except OSError:
        return False
    return True
