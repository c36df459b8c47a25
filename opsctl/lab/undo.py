"""Undoing faults: the record of each, and the timer process that undoes it when nobody else does.

`python -m opsctl.lab.undo FOLDER ID SECONDS` is that process. It is armed before the fault strikes.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_hex

import opsctl
from opsctl.errors import OpsError
from opsctl.lab.cgroup import LEAVING, Cgroup
from opsctl.lab.commands import locked, run, until
from opsctl.lab.folder import Folder, Record
from opsctl.lab.host import Host, lab_cgroup, part
from opsctl.lab.network import tables
from opsctl.lab.preflight import require_root

ARM_TIMEOUT = 15  # seconds
LOOK = 0.2  # seconds between two looks of a timer whether it is still needed


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that was armed. `until` is when it undoes itself, in seconds since 1970; `struck`
    the same for the first and the last moment in which it may have struck, where that is known.
    """

    id: str
    kind: str  # kill, pause, unplug, partition, lose, fill
    hosts: tuple[str, ...]
    until: float
    file: str = ""  # of a full disk: the file that fills it
    struck: tuple[float, float] = (0.0, 0.0)


def timer(folder: Folder, fault_id: str) -> Cgroup:
    """The group of a fault's timer process; empty when that is gone."""
    return Cgroup(f"{lab_cgroup(folder).name}/undo-{fault_id}")


def table(record: Record, fault_id: str) -> str:
    """The nft table of a fault."""
    return f"{record.subnet.table}_{fault_id}"


def recorded(folder: Folder) -> tuple[Fault, ...]:
    """Faults on record, oldest first."""
    found = [_read(file) for file in folder.faults.glob("*.json")]
    return tuple(sorted((fault for fault in found if fault), key=lambda fault: fault.id))


def _read(file: Path) -> Fault | None:
    try:
        raw = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    return Fault(raw["id"], raw["kind"], tuple(raw["hosts"]), raw["until"], raw["file"])


def arm(folder: Folder, kind: str, hosts: tuple[str, ...], for_: float, file: str) -> Fault:
    """Record a fault that is about to strike and start its timer. Raises lab/arm if that fails."""
    require_root()
    fault_id = f"{time.time_ns() // 1_000_000:x}{token_hex(2)}"
    fault = Fault(fault_id, kind, hosts, time.time() + for_, file)
    folder.faults.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    draft = folder.faults / f".{fault.id}"
    draft.write_text(json.dumps(asdict(fault)))
    draft.rename(_file(folder, fault.id))
    package = str(Path(opsctl.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    argv = ["setsid", "--fork", sys.executable, "-m", __name__]
    with subprocess.Popen(
        [*argv, str(folder.path), fault.id, str(for_)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
        cwd="/",
    ) as starter:
        assert starter.stdout is not None
        ready, _, _ = select.select([starter.stdout], [], [], ARM_TIMEOUT)
        if not ready or not starter.stdout.read(1):
            _file(folder, fault.id).unlink(missing_ok=True)
            raise OpsError("lab/arm", f"the timer that undoes {kind} did not start; nothing broken")
    return fault


def _sweep(folder: Folder) -> None:
    """Remove groups of timers that have ended: a process can't remove its own."""
    for group in lab_cgroup(folder).path.glob("undo-*"):
        gone = Cgroup(f"{lab_cgroup(folder).name}/{group.name}")
        if not gone.populated() and not _file(folder, group.name.removeprefix("undo-")).exists():
            gone.remove()


def _file(folder: Folder, fault_id: str) -> Path:
    return folder.faults / f"{fault_id}.json"


def heal(folder: Folder, record: Record, fault_id: str) -> None:
    """Undo a fault unless it is undone. Its timer ends by itself when the record is gone."""
    require_root()
    lock = folder.lock.with_name(f"{folder.lock.stem}-{fault_id}.lock")
    with locked(lock, what=f"fault {fault_id}", timeout=120):
        fault = _read(_file(folder, fault_id))
        if fault:
            _undo(folder, record, fault)
            _file(folder, fault_id).unlink()
    lock.unlink(missing_ok=True)


def _undo(folder: Folder, record: Record, fault: Fault) -> None:
    parts = [part(folder, record, host) for host in fault.hosts if host != "control"]
    if fault.kind == "kill":
        with ThreadPoolExecutor(len(parts)) as pool:  # one that does not start keeps no other off
            started = [pool.submit(_start, each) for each in parts]
        for one in started:
            one.result()
        for each in parts:
            each.await_ssh()
    elif fault.kind == "pause":
        for each in parts:
            each.cgroup.freeze(False)
    elif fault.kind == "unplug":
        for each in parts:
            plug(record, each.node.name)
    elif fault.kind == "fill":
        for each in parts:
            _free(each, fault.file)
    else:
        for family, name in tables(record.subnet):
            if name == table(record, fault.id):
                run(["nft", "delete", "table", family, name], what=f"undoing {fault.kind}")


def _start(host: Host) -> None:
    """Starts it unless it runs: what was struck seems to, until the kernel has let go of it."""
    what = f"host {host.node.name} to be on or off"
    until(lambda: not host.running or host.answers(), what=what, timeout=LEAVING)
    host.start()


def plug(record: Record, host: str) -> None:
    """Put a host's cable back; a host that is off has none and gets one when it starts."""
    port = record.subnet.port(host)
    if Path(f"/sys/class/net/{port}").exists():
        run(["ip", "link", "set", port, "up"], what=f"plugging {host} in")


def _free(host: Host, file: str) -> None:
    if host.running:
        host.exec(["rm", "-f", file], timeout=20)
    else:
        with (host.path / "free-at-start").open("a") as names:
            names.write(f"{file}\n")


def _wait_and_heal(folder: Folder, fault_id: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    timer(folder, fault_id).join()
    os.write(1, b".")  # armed: the caller may strike now
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    while time.monotonic() < end:
        if not _file(folder, fault_id).exists():
            return
        time.sleep(LOOK)
    record = folder.load()
    if record:
        heal(folder, record, fault_id)


if __name__ == "__main__":
    _wait_and_heal(Folder(Path(sys.argv[1])), sys.argv[2], float(sys.argv[3]))
