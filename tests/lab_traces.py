"""What a lab leaves on the machine, for tests that want nothing left."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from opsctl.lab.cgroup import controllers
from opsctl.lab.folder import Folder
from opsctl.lab.host import lab_cgroup, loops


def leftovers(folder: Folder) -> list[str]:
    """Everything on the machine that belongs to a lab."""
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    indexes = [word[2:-9] for word in links.split() if word.endswith(f"-{folder.tag}")]
    group = lab_cgroup(folder)
    groups = [*group.folders, *(root / group.name for root in controllers())]
    return [
        *[word for word in links.split() if word.endswith(f"-{folder.tag}")],
        *[w for w in tables.stdout.split() if any(w == f"opsctl_lab{index}" for index in indexes)],
        *[
            line
            for line in Path("/proc/mounts").read_text().splitlines()
            if str(folder.path) in line
        ],
        *[str(path) for path in groups if path.exists()],
        *loops(folder.path),
        *[str(path) for path in [folder.path] if path.exists()],
        *processes(str(folder.path)),
    ]


def processes(text: str) -> list[str]:
    """Command lines that mention a text, except this process's own."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if text in line and file.parent.name != str(os.getpid()):
            found.append(line)
    return found
