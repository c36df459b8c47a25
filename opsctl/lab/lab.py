"""Lab: a running set of hosts. `up` makes or completes one, `find` returns one by its name."""

from __future__ import annotations

import errno
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from opsctl.errors import Exit, OpsError
from opsctl.lab import images, network, packages, preflight
from opsctl.lab.commands import locked, run, until
from opsctl.lab.faults import Faults
from opsctl.lab.folder import Folder, Record, cache_root, state_root
from opsctl.lab.host import Host, clear_mounts, lab_cgroup, part
from opsctl.lab.seed import Identity, with_password
from opsctl.lab.spec import LabHost, LabSpec, nodes

UP_TIMEOUT = 1200  # seconds another `up` of the same lab may take, image included
SIDE_BY_SIDE = 8  # hosts prepared or started at once


class Lab:
    """An existing lab. Values are read from the state folder and the kernel at each call."""

    user = "root"
    sudo_user = "ops"  # its sudo wants the password in `password_file`
    plain_user = "nosudo"

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        return self.folder.path.name

    @property
    def record(self) -> Record:
        """Raises lab/half-made when the lab was never recorded."""
        record = self.folder.load()
        if record is None:
            raise OpsError(
                "lab/half-made",
                f"lab {self.name} was not finished",
                hint=f"opsctl lab down --name {self.name}",
            )
        return record

    @property
    def hosts(self) -> tuple[LabHost, ...]:
        """The hosts as they are at this moment."""
        return tuple(
            LabHost(h.node.name, h.address, h.node.system, h.running, h.node.rack)
            for h in self.parts()
        )

    @property
    def key(self) -> Path:
        """The private ssh key that root, ops and nosudo of every host accept."""
        return self.folder.key

    @property
    def known_hosts(self) -> Path:
        return self.folder.known_hosts

    @property
    def password_file(self) -> Path:
        """Holds the sudo password of user ops; mode 0600."""
        return self.folder.password

    @property
    def gateway(self) -> str:
        """The machine's own address on the lab's bridge."""
        return self.record.subnet.gateway

    @property
    def faults(self) -> Faults:
        return Faults(self.folder, self.record)

    def parts(self) -> tuple[Host, ...]:
        record = self.record
        return tuple(Host(self.folder, record, node) for node in record.nodes)

    def part(self, name: str) -> Host:
        """Raises lab/unknown-host."""
        return part(self.folder, self.record, name)

    def ssh(self, host: str, user: str = "root") -> list[str]:
        """The ssh command line that reaches a host as root, ops or nosudo; add a command to it."""
        options = {
            "UserKnownHostsFile": str(self.known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
        }
        words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        return ["ssh", "-i", str(self.key), *words, f"{user}@{self.part(host).address}"]

    def exec(
        self, host: str, argv: Sequence[str], *, timeout: float = 60, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root on a host, without ssh, so that it works on one that is cut off.

        Raises lab/not-running, or lab/timeout after `timeout` seconds (the command is killed).
        """
        return self.part(host).exec(argv, timeout=timeout, text=text)

    def keep_packages(self) -> int:
        """Keep what hosts downloaded for later labs; gives the number of new packages."""
        kept = 0
        for host in self.parts():
            if archives := host.archives():
                kept += packages.keep(cache_root(), host.node.system, archives)
        return kept

    def down(self) -> None:
        """Remove every process, rule, bridge and file of the lab, finished or not.

        Base images and downloaded packages stay in the cache. Doing it twice does no harm.
        """
        preflight.require_root()
        with locked(self.folder.lock, what=f"lab {self.name}", timeout=UP_TIMEOUT):
            record = self._record_if_any()
            if record:
                self.keep_packages()
            group = lab_cgroup(self.folder)
            group.kill()
            group.remove()
            clear_mounts(self.folder)
            network.remove(record.index if record else None, self.folder)
            what = f"{self.folder.path} to be removable"
            until(lambda: _cleared(self.folder.path), what=what, timeout=10)

    def _record_if_any(self) -> Record | None:
        try:
            return self.folder.load()
        except OpsError:
            return None  # a broken record must not keep the lab from being removed


def _cleared(folder: Path) -> bool:
    """Remove a folder; False when somebody (the start of a host) wrote into it meanwhile."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return not folder.exists()
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        return False
    return True


def find(name: str = "lab", *, state_dir: Path | None = None) -> Lab | None:
    """The lab of that name, half made or whole, or None."""
    folder = Folder(state_root(state_dir) / name)
    there = folder.path.is_dir() or lab_cgroup(folder).path.is_dir()
    return Lab(folder) if there else None


def labs(*, state_dir: Path | None = None) -> tuple[Lab, ...]:
    """All labs of the state folder, by name."""
    folders = sorted(path for path in state_root(state_dir).glob("*") if path.is_dir())
    return tuple(Lab(Folder(path)) for path in folders)


def up(
    spec: LabSpec,
    *,
    state_dir: Path | None = None,
    packages: Sequence[str] = (),
    progress: Callable[[str], None],
) -> Lab:
    """Make the lab, or start what is missing of it, and wait until ssh answers on every host.

    `packages` are put into the base image. Raises OpsError lab/*: no root, a tool is missing, an
    image can't be built, the existing lab of this name is of another kind, a host does not start.
    """
    preflight.require(nested=spec.nested)
    spec.check()
    folder = Folder(state_root(state_dir) / spec.name)
    folder.check()
    with locked(folder.lock, what=f"lab {spec.name}", timeout=UP_TIMEOUT):
        record = _recorded(spec, folder, tuple(sorted(set(packages))))
        systems = {node.system for node in record.nodes}
        roots: dict[str, Path] = {
            system: images.image(system, record.packages, cache_root(), progress)
            for system in sorted(systems)
        }
        _prepare(folder, record, roots)
        hosts = [Host(folder, record, node) for node in record.nodes]
        Faults(folder, record).heal_orphans()
        off = [host for host in hosts if not host.running]
        preflight.require_inotify(len(off), nested=record.nested)
        side_by_side(Host.start, hosts)
        progress(f"{started_words(len(off), len(hosts))}, waiting for ssh")
        side_by_side(Host.await_ssh, hosts)
    progress(f"lab {spec.name} is up: {', '.join(f'{h.node.name} {h.address}' for h in hosts)}")
    return Lab(folder)


def started_words(started: int, hosts: int) -> str:
    """How many of a lab's hosts were started, and whether others ran already."""
    if not started:
        return "all hosts run already" if hosts > 1 else "the host runs already"
    said = "1 host" if started == 1 else f"{started} hosts"
    return f"{said} started" + (f", {hosts - started} ran already" if hosts > started else "")


def _recorded(spec: LabSpec, folder: Folder, wanted: tuple[str, ...]) -> Record:
    """Load or make the record, and the network with it, under the machine's lock."""
    with locked(network.MACHINE_LOCK, what="the machine's list of labs", timeout=60):
        record = folder.load()
        if record is None:
            index = network.choose_index(spec.name, folder)
            new = nodes(spec)
            sizes = (spec.disk_mib, spec.data_mib)
            record = Record(spec.name, index, new, wanted, *sizes, folder.tag, spec.nested)
        record = _grown(spec, record, wanted)
        folder.save(record)
        network.ensure(record.subnet, folder)
    return record


def _grown(spec: LabSpec, record: Record, wanted: tuple[str, ...]) -> Record:
    """The record with the hosts the spec adds. Hosts beyond the spec stay."""
    both = min(len(record.nodes), spec.hosts)
    same = nodes(spec)[:both] == record.nodes[:both]
    sizes = (spec.disk_mib, spec.data_mib) == (record.disk_mib, record.data_mib)
    kind = spec.nested == record.nested and wanted in ((), record.packages)
    if not (same and sizes and kind):
        raise OpsError(
            "lab/differs",
            f"lab {spec.name} exists with another system, size or set of packages",
            hint=f"opsctl lab down --name {spec.name}, or another name",
            exit=Exit.REFUSED,
        )
    return replace(record, nodes=record.nodes + nodes(spec)[len(record.nodes) :])


def _prepare(folder: Folder, record: Record, roots: dict[str, Path]) -> None:
    if not folder.key.with_suffix(".pub").exists():  # its second half, which is written last
        folder.key.unlink(missing_ok=True)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"opsctl-lab-{record.name}"]
        run([*argv, "-f", str(folder.key)], what="making the lab's ssh key")
    if not (folder.password.exists() and folder.password.read_text()):
        folder.password.touch(0o600)
        folder.password.write_text(secrets.token_urlsafe(12) + "\n")
    for system in roots:
        packages.snapshot(cache_root(), system, folder.debs(system))
    shared = {system: _shared(folder, root) for system, root in roots.items()}
    parts = [Host(folder, record, node) for node in record.nodes]

    def one(host: Host) -> None:
        host.prepare(shared[host.node.system])
        host.seal(roots[host.node.system])

    side_by_side(one, parts)
    lines = [_known(host) for host in parts]
    folder.known_hosts.write_text("".join(lines))


def _known(host: Host) -> str:
    kind, key, *_ = (host.path / "host_key.pub").read_text().split()
    return f"{host.address},{host.node.name} {kind} {key}\n"


def _shared(folder: Folder, root: Path) -> Identity:
    """What the hosts of one image have in common."""
    hashed = run(
        ["chroot", str(root), "openssl", "passwd", "-6", "-stdin"],
        what="hashing the sudo password",
        text=folder.password.read_text(),
    )
    shadow = (root / "etc/shadow").read_text()
    return Identity(
        machine_id="",
        host_key="",
        host_key_pub="",
        authorized_key=folder.key.with_suffix(".pub").read_text(),
        shadow=with_password(shadow, Lab.sudo_user, hashed.stdout.strip()),
        resolv_conf=_resolv_conf(),
        mtu=network.mtu(),
    )


def _resolv_conf() -> str:
    """The machine's; where that is systemd-resolved's stub, the servers behind it."""
    upstream = Path("/run/systemd/resolve/resolv.conf")
    text = Path("/etc/resolv.conf").read_text()
    return upstream.read_text() if "127.0.0.53" in text and upstream.exists() else text


def side_by_side(act: Callable[[Host], None], hosts: Iterable[Host]) -> None:
    """Do it for all hosts at once; the first error is raised after all have ended."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for done in [pool.submit(act, host) for host in hosts]:
            done.result()
