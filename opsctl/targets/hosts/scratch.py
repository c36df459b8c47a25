"""A folder for one run of Ansible, gone afterwards; those of a killed opsctl go at the next run.

Who uses a folder holds a lock on a file in it, and the kernel lets go of that with the process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "opsctl-ansible-"
LOCK = "owner"
YOUNG = 1800.0  # seconds in which a folder without a lock may be about to get one, or in use


@contextmanager
def scratch() -> Iterator[Path]:
    """A new folder that this user alone can open."""
    sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with (folder / LOCK).open("w") as owned:
            fcntl.flock(owned, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(base: Path) -> None:
    """Removes what killed runs of this user left in `base`."""
    for folder in base.glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody else's, or gone by now
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                continue
            if _left_over(folder, time.time() - found.st_mtime):
                shutil.rmtree(folder, ignore_errors=True)


def _left_over(folder: Path, age: float) -> bool:
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return age > YOUNG
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
