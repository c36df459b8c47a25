"""Where opsctl keeps what is its own on the control machine, and who is working."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from opsctl.errors import Exit, OpsError


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
    """Who works, as journals name it: ops@control."""
    return f"{_user()}@{socket.gethostname()}"


def lock_ttl() -> float:
    """Seconds a lock outlives its holder: OPSCTL_LOCK_TTL, or a minute. Raises lock/bad-ttl."""
    from opsctl.running.lease import SHORTEST, TTL

    said = os.environ.get("OPSCTL_LOCK_TTL", "")
    if not said:
        return TTL
    if not said.isdecimal() or int(said) < SHORTEST:
        raise OpsError(
            "lock/bad-ttl",
            f'"{said}" is not a time that a lock can last',
            where="OPSCTL_LOCK_TTL",
            hint=f"whole seconds, {SHORTEST:g} or more; unset it for {TTL:g}",
            exit=Exit.INPUT,
        )
    return float(said)


def _user() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no entry in the user database
        return str(os.getuid())
