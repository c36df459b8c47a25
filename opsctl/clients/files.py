"""Files that are never seen half written."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: bytes, mode: int, *, replace: bool = True) -> None:
    """Puts `content` at `path` with exactly `mode`: after a crash the old or the new is there.

    Without `replace` a file that is there stays. Raises OSError; FileExistsError without `replace`.
    """
    path = path.resolve()  # a symbolic link stays one
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        _write(fresh, content, mode)
        if replace:
            fresh.replace(path)
        else:
            os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
