"""One host's life: prepared, started, answering, cut off, gone."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from opsctl.errors import Exit, OpsError
from opsctl.lab.boot import Boot, boot_script
from opsctl.lab.cgroup import LEAVING, PREFIX, Cgroup
from opsctl.lab.commands import run, until
from opsctl.lab.folder import Folder, Record
from opsctl.lab.packages import ARCHIVES
from opsctl.lab.preflight import require_root
from opsctl.lab.seed import Identity, seed_files, seed_tar
from opsctl.lab.spec import Node

BOOT_TIMEOUT = 90  # seconds until ssh answers; 1-2 s for three hosts, 20 s for twenty at once

INSIDE = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


def lab_cgroup(folder: Folder) -> Cgroup:
    """The group above all hosts of a lab."""
    return Cgroup(f"{PREFIX}{folder.tag}")


@dataclass(frozen=True, slots=True)
class Host:
    """A host's working parts; Lab hands out LabHost values instead."""

    folder: Folder
    record: Record
    node: Node

    @property
    def path(self) -> Path:
        return self.folder.host(self.node.name)

    @property
    def address(self) -> str:
        return self.record.subnet.address(self.node)

    @property
    def cgroup(self) -> Cgroup:
        name = f"{lab_cgroup(self.folder).name}/{self.node.name}"
        return Cgroup(name, self.record.nested)

    @property
    def running(self) -> bool:
        return self.cgroup.populated()

    def init(self) -> int | None:
        """The process id, as the machine counts, of the host's systemd; None when it is off."""
        # Under version 1 cgroups systemd moves itself elsewhere, and stays here where it began.
        for below in ("payload/init.scope", "payload"):
            for process in self.cgroup.processes(below):
                if _is_init(process):
                    return process
        return None

    def prepare(self, shared: Identity) -> None:
        """Make disks, keys and seed unless that was done; `shared` lacks what is per host."""
        if (self.path / "image").is_symlink():
            return
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        self._disk("disk.img", self.record.disk_mib)
        if self.record.data_mib:
            self._disk("data.img", self.record.data_mib)
        private, public = self._host_key()
        own = replace(
            shared, machine_id=secrets.token_hex(16), host_key=private, host_key_pub=public
        )
        files = seed_files(self.node, self.record.nodes, self.record.subnet, own)
        (self.path / "seed.tar").write_bytes(seed_tar(files))

    def _disk(self, name: str, mib: int) -> None:
        """A sparse ext4 image: its blocks are taken from the machine's disk as they are written."""
        image = self.path / name
        with image.open("wb") as file:
            file.truncate(mib * 1024 * 1024)
        run(
            ["mkfs.ext4", "-q", "-F", "-m0", "-O", "^has_journal", str(image)],
            what=f"making the disk of {self.node.name}",
        )

    def _host_key(self) -> tuple[str, str]:
        key = self.path / "host_key"
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.node.name, "-f", str(key)]
        run(argv, what=f"making the ssh host key of {self.node.name}")
        return key.read_text(), key.with_suffix(".pub").read_text()

    def seal(self, image: Path) -> None:
        """Record the image, as the last act of preparing: a host without it is made again."""
        link = self.path / "image"
        if not link.is_symlink():
            link.symlink_to(image)

    def start(self) -> None:
        """Start the host unless it runs; it outlives the caller. `await_ssh` waits for it."""
        if self.running:
            return
        self.await_off()
        (self.path / "ended").unlink(missing_ok=True)
        if self.record.nested:
            self.folder.share.mkdir(exist_ok=True)
        self.cgroup.make()
        subnet = self.record.subnet
        boot = Boot(
            folder=self.path,
            image=(self.path / "image").readlink(),
            debs=self.folder.debs(self.node.system),
            cgroups=self.cgroup.folders,
            machine=subnet.machine(self.node.name),
            bridge=subnet.bridge,
            data=self.record.data_mib > 0,
            share=self.folder.share if self.record.nested else None,
        )
        script = self.path / "boot.sh"
        script.write_text(boot_script(boot))
        with (self.path / "console.log").open("ab") as console:
            # setsid --fork: the host is nobody's child, so no caller's end or wait touches it.
            argv = ["setsid", "--fork", "unshare", "--mount", "--propagation", "private"]
            subprocess.run(
                [*argv, "sh", str(script)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                check=True,
                timeout=10,
                cwd="/",
            )

    def _attached(self) -> bool:
        """Whether a loop device still holds one of the host's disks."""
        return bool(loops(self.path))

    def await_ssh(self) -> None:
        """Wait until the host's sshd answers and users may log in.

        Raises lab/boot with the console's last lines when it ended instead.
        """
        what = f"ssh of host {self.node.name} ({self.address})"
        until(self.answers, what=what, timeout=BOOT_TIMEOUT)

    def answers(self) -> bool:
        """Whether its sshd greets and users may log in. Raises lab/boot if it ended instead."""
        self._check_alive()
        init = self.init()
        if init is None or not _banner(self.address):
            return False
        # sshd is up a moment before ordinary users may log in; this file says they may not yet.
        return not Path(f"/proc/{init}/root/run/nologin").exists()

    def started_after(self, before: int | None) -> bool:
        """Whether the host runs under another init than `before`. Raises lab/boot if it ended."""
        self._check_alive()
        return self.init() not in (None, before)

    def _check_alive(self) -> None:
        if (self.path / "ended").exists() and not self.running:
            raise OpsError(
                "lab/boot",
                "it ended while it started",
                where=f"host {self.node.name}",
                hint=f"see {self.path / 'console.log'}",
                details=self.console(),
            )

    def exec(
        self, argv: Sequence[str], *, timeout: float = 60, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root in the host's namespaces. Raises lab/not-running, lab/timeout."""
        require_root()
        init = self.init()
        if init is None:
            raise OpsError("lab/not-running", "the host is off", where=f"host {self.node.name}")
        enter = [
            "nsenter",
            "--target",
            str(init),
            "--mount",
            "--uts",
            "--ipc",
            "--net",
            "--pid",
            "--cgroup",
            "--root",
            "--wd",
        ]
        child = subprocess.Popen(
            [*enter, *argv],
            stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=INSIDE,
            start_new_session=True,
        )
        try:
            output, errors = child.communicate(text, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            message = f"{argv[0]} took longer than {timeout:g} s"
            raise OpsError("lab/timeout", message, where=f"host {self.node.name}") from error
        finally:
            if child.returncode is None:
                # nsenter's child is the command: only the whole group ends both.
                os.killpg(child.pid, signal.SIGKILL)
                child.communicate()
        return subprocess.CompletedProcess(list(argv), child.returncode, output, errors)

    def archives(self) -> Path | None:
        """Packages that apt downloaded on the host, readable while it runs."""
        init = self.init()
        return Path(f"/proc/{init}/root") / ARCHIVES if init else None

    def console(self) -> tuple[str, ...]:
        """The last lines of what the host and its start said."""
        text = (self.path / "console.log").read_text(errors="replace")
        return tuple(text.strip().splitlines()[-12:])

    def await_off(self) -> None:
        """Wait until nothing of a host that was killed is left but its disk."""
        name = self.node.name
        until(lambda: not self._attached(), what=f"the disk of {name}", timeout=LEAVING)
        # The kernel takes a dead host's cable away in its own time, and a new one has its name.
        port = Path("/sys/class/net") / self.record.subnet.port(name)
        until(lambda: not port.exists(), what=f"the old cable of {name}", timeout=LEAVING)
        self.cgroup.remove()


def part(folder: Folder, record: Record, name: str) -> Host:
    """The host of that name. Raises lab/unknown-host."""
    for node in record.nodes:
        if node.name == name:
            return Host(folder, record, node)
    known = ", ".join(node.name for node in record.nodes)
    raise OpsError(
        "lab/unknown-host",
        f"lab {record.name} has no host {name!r}",
        hint=f"it has {known}",
        exit=Exit.INPUT,
    )


def loops(below: Path) -> list[str]:
    """Loop devices whose file lies below a folder."""
    found = []
    for device in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            file = device.read_text().strip().removesuffix(" (deleted)")
        except OSError:
            continue  # detached while we looked
        if Path(file).is_relative_to(below):
            found.append(f"/dev/{device.parts[3]}")
    return found


def _is_init(process: int) -> bool:
    """Whether it is process 1 one container deep: that of a host, not of a container in it."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
    return len(numbers) == 2 and numbers[1] == "1"


def _banner(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=0.25) as connection:
            connection.settimeout(2)
            return connection.recv(8).startswith(b"SSH-")
    except OSError:
        return False


def clear_mounts(folder: Folder) -> None:
    """Unmount and detach what is left below the folder; by design there is nothing."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in reversed(mounts):
        if Path(mount).is_relative_to(folder.path):
            run(["umount", "--lazy", mount], what=f"unmounting {mount}", check=False)
    for device in loops(folder.path):
        run(["losetup", "--detach", device], what=f"detaching {device}", check=False)
