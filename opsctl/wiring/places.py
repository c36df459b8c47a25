"""Where opsctl keeps what is its own on the control machine, and who is working."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Sequence
from pathlib import Path


def folder_of(files: Sequence[Path]) -> Path:
    """Where the spec lies: opsctl.lock and the secrets file stand beside it."""
    return files[0].resolve().parent if files else Path.cwd()


def cache_folder() -> Path:
    """What can be lost at any time: placement as last seen."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "opsctl"


def state_folder() -> Path:
    """The caller's copy of what was done."""
    default = Path.home() / ".local" / "state"
    return Path(os.environ.get("XDG_STATE_HOME") or default) / "opsctl"


def who() -> str:
    """Who works, as journals and locks name it: ops@control (pid 4711)."""
    return f"{_user()}@{socket.gethostname()} (pid {os.getpid()})"


def _user() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no entry in the user database
        return str(os.getuid())
