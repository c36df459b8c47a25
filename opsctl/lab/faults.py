"""Faults on purpose. Each arms its own undo first, in a process that survives the caller."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from opsctl.errors import OpsError, SpecError
from opsctl.lab import undo
from opsctl.lab.boot import FILL
from opsctl.lab.cgroup import LEAVING
from opsctl.lab.commands import run, until
from opsctl.lab.folder import Folder, Record
from opsctl.lab.host import BOOT_TIMEOUT, Host, part
from opsctl.lab.network import nft
from opsctl.lab.undo import Fault

CONTROL = "control"  # in a partition's groups: the machine itself
SECONDS = 60.0  # how long a fault lasts when nobody heals it
FILL_SCRIPT = f"""
set -eu
cd "$1"
case "$(stat --file-system --format=%T .)" in
  overlayfs|ext2/ext3) ;;
  *) echo "$1 is not on the host's own disk" >&2; exit 3 ;;
esac
[ "$(df --output=size -B1M . | tail -1)" -le "$2" ] || {{
  echo "$1 is not on a lab disk" >&2; exit 3
}}
free=$(( $(df --output=avail -B1K . | tail -1) - $3 * 1024 ))
# Reserved blocks take no room on the machine; what reserving can't reach is written.
while [ "$free" -gt 1024 ] && ! fallocate -l "${{free}}K" {FILL} 2>/dev/null; do
  free=$((free - 1024))
done
[ "$3" -gt 0 ] || cat /dev/zero >> {FILL} 2>/dev/null || true
"""


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of one lab; `for_` is in seconds, after which a fault undoes itself."""

    folder: Folder
    record: Record

    def host(self, name: str) -> Host:
        """Raises lab/unknown-host."""
        return part(self.folder, self.record, name)

    def active(self) -> tuple[Fault, ...]:
        """Faults that were struck and not undone."""
        return undo.recorded(self.folder)

    def heal(self, fault: Fault | None = None) -> None:
        """Undo one fault, or all of them, now. Healing what is healed does nothing."""
        for each in (fault,) if fault else self.active():
            undo.heal(self.folder, self.record, each.id)

    def heal_orphans(self) -> None:
        """Undo faults whose timer is gone, as after a reboot of the machine."""
        for fault in self.active():
            if not undo.timer(self.folder, fault.id).populated():
                self.heal(fault)

    def kill(self, *hosts: str, for_: float = SECONDS) -> Fault:
        """Cut the power: every process of the hosts is gone at once. Undone by starting them."""
        parts = [self._running(host) for host in hosts]
        fault = self._arm("kill", hosts, for_)
        with self._striking(fault):
            began = time.time()
            for each in parts:
                each.cgroup.strike()
            ended = time.time()
            for each in parts:
                what = f"the processes of host {each.node.name} to end"
                until(partial(self._off, each, fault), what=what, timeout=LEAVING)
        return replace(fault, struck=(began, ended))

    def _off(self, host: Host, fault: Fault) -> bool:
        """Whether it is off, or has been: a fault that is over has started it again."""
        return not host.running or fault.id not in {one.id for one in self.active()}

    def start(self, *hosts: str) -> None:
        """Start hosts that are off, with the disk they had, and wait for ssh."""
        for host in hosts:
            self.host(host).start()
        for host in hosts:
            self.host(host).await_ssh()
        self._forget("kill", hosts)

    def restart(self, *hosts: str) -> None:
        """Reboot hosts in good order, all at once, and wait for ssh. Not a fault: ends healed."""
        before = {host: self._running(host).init() for host in hosts}
        for host in hosts:
            self.host(host).exec(["systemctl", "--no-block", "reboot"], timeout=20)
        for host in hosts:
            each = self.host(host)
            old = before[host]
            until(
                partial(each.started_after, old),
                what=f"host {host} to reboot",
                timeout=BOOT_TIMEOUT,
            )
        for host in hosts:
            self.host(host).await_ssh()

    def pause(self, *hosts: str, for_: float = SECONDS) -> Fault:
        """Stop every process of the hosts where it stands; connections stay open, unanswered."""
        parts = [self._running(host) for host in hosts]
        fault = self._arm("pause", hosts, for_)
        with self._striking(fault):
            for each in parts:
                each.cgroup.freeze(True)
        return fault

    def resume(self, *hosts: str) -> None:
        """Let paused hosts go on."""
        for host in hosts:
            self.host(host).cgroup.freeze(False)
        self._forget("pause", hosts)

    def unplug(self, *hosts: str, for_: float = SECONDS) -> Fault:
        """Pull the network cables, from other hosts and from the machine."""
        parts = [self._running(host) for host in hosts]
        fault = self._arm("unplug", hosts, for_)
        with self._striking(fault):
            for each in parts:
                port = self.record.subnet.port(each.node.name)
                run(["ip", "link", "set", port, "down"], what=f"unplugging {each.node.name}")
        return fault

    def replug(self, *hosts: str) -> None:
        """Put the network cables back."""
        for host in hosts:
            undo.plug(self.record, host)
        self._forget("unplug", hosts)

    def partition(
        self,
        group_a: Sequence[str],
        group_b: Sequence[str],
        *,
        one_way: bool = False,
        for_: float = SECONDS,
    ) -> Fault:
        """Drop every frame from group a to b and back; `one_way`: only IP and only from a to b.

        Frames are told by their cable, not by address, so that virtual addresses are cut as well.
        "control" in a group means the machine itself.
        """
        if set(group_a) & set(group_b) or not group_a or not group_b:
            raise SpecError("lab/groups", "a partition needs two groups that share no host")
        pairs = [(a, b) for a in group_a for b in group_b]
        if not one_way:
            pairs += [(b, a) for a, b in pairs]
        # ARP must pass in a one-way partition, or the open way would soon be closed as well.
        what = "ether type { ip, ip6 } drop" if one_way else "drop"
        rules = [self._cut(source, target, what) for source, target in pairs]
        fault = self._arm("partition", (*group_a, *group_b), for_)
        self._rules(fault, rules)
        return fault

    def lose(
        self, *hosts: str, percent: float, control: bool = False, for_: float = SECONDS
    ) -> Fault:
        """Lose that share of frames to and from the hosts; `control`: also those of the machine."""
        if not 0 < percent <= 100:
            raise SpecError("lab/percent", f"{percent:g} is not a share of lost packets in percent")
        share = max(1, round(percent * 100))
        luck = f"numgen random mod 10000 < {share} " if share < 10000 else ""
        rules = [
            (chain, f"{side} {self._port(host)} {luck}drop")
            for host in hosts
            for chain, side in [
                ("forward", "iifname"),
                ("forward", "oifname"),
                *([("input", "iifname"), ("output", "oifname")] if control else []),
            ]
        ]
        fault = self._arm("lose", hosts, for_)
        self._rules(fault, rules)
        return fault

    def fill_disk(
        self, host: str, path: str = "/", *, leave_mib: int = 0, for_: float = SECONDS
    ) -> Fault:
        """Fill the host's disk that holds `path` up to `leave_mib`. Takes next to no real space.

        Raises lab/fill when the path is not on a disk of the lab.
        """
        each = self._running(host)
        file = f"{path.rstrip('/')}/{FILL}"
        fault = self._arm("fill", (host,), for_, file=file)
        limit = max(self.record.disk_mib, self.record.data_mib)
        argv = ["sh", "-c", FILL_SCRIPT, "sh", path, str(limit), str(leave_mib)]
        with self._striking(fault):
            done = each.exec(argv, timeout=60)
            if done.returncode:
                why = done.stderr.strip() or "could not fill"
                raise OpsError("lab/fill", why, where=f"host {host}")
        return fault

    def free(self, host: str) -> None:
        """Free the disks that `fill_disk` filled."""
        self._forget("fill", (host,))

    def _running(self, name: str) -> Host:
        host = self.host(name)
        if not host.running:
            raise OpsError("lab/not-running", "the host is off", where=f"host {name}")
        return host

    def _port(self, host: str) -> str:
        return f'"{self.record.subnet.port(self.host(host).node.name)}"'

    def _cut(self, source: str, target: str, what: str) -> tuple[str, str]:
        """(chain, rule) for frames from source to target."""
        if source == CONTROL:
            return "output", f"oifname {self._port(target)} {what}"
        if target == CONTROL:
            return "input", f"iifname {self._port(source)} {what}"
        return "forward", f"iifname {self._port(source)} oifname {self._port(target)} {what}"

    def _rules(self, fault: Fault, rules: Sequence[tuple[str, str]]) -> None:
        """Load the fault's rules as one table of its own, so that undoing it is one deletion."""
        chains = "".join(
            f"  chain {hook} {{\n    type filter hook {hook} priority -100;\n"
            + "".join(f"    {rule}\n" for chain, rule in rules if chain == hook)
            + "  }\n"
            for hook in ("forward", "input", "output")
        )
        table = undo.table(self.record, fault.id)
        with self._striking(fault):
            text = f"table bridge {table} {{\n{chains}}}\n"
            nft(text, what=f"setting the rules of {fault.kind}")

    def _arm(self, kind: str, hosts: Sequence[str], for_: float, **more: str) -> Fault:
        for host in hosts:
            if host != CONTROL:
                self.host(host)
        return undo.arm(self.folder, kind, tuple(hosts), for_, more.get("file", ""))

    @contextmanager
    def _striking(self, fault: Fault) -> Iterator[None]:
        """Undo the fault now when striking fails halfway."""
        try:
            yield
        except OpsError:
            self.heal(fault)
            raise

    def _forget(self, kind: str, hosts: Sequence[str]) -> None:
        """Heal faults of a kind whose hosts are all among these."""
        for fault in self.active():
            if fault.kind == kind and set(fault.hosts) <= set(hosts):
                self.heal(fault)
