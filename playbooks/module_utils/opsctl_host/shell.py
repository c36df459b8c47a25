"""Programs without a shell, each with a bound on its time; and the one error of this side."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/root",
}


class RefusedError(Exception):
    """Becomes an OpsError at the caller: code, message, hint, details (lines shown below)."""

    def __init__(self, code: str, message: str, hint: str = "", details: Sequence[str] = ()):
        super().__init__(message)
        self.wire = {"code": code, "message": message, "hint": hint, "details": list(details)}


class Result:
    """How a program ended; `exit` is -1 when it could not be run or ran out of time."""

    def __init__(self, exit: int, out: str, err: str):
        self.exit, self.out, self.err = exit, out, err


def run(
    argv: Sequence[str],
    stdin: str = "",
    timeout: float = 30.0,
    user: str = "",
    env: dict[str, str] | None = None,
) -> Result:
    """Run a program for at most `timeout` seconds, as `user` ("" is the caller's own)."""
    options: dict[str, Any] = {}
    if user and user != "root":
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            return Result(-1, "", f"there is no account {user}")
        options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": _groups(user)}
    try:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**ENV, **(env or {})},
            cwd="/",
            start_new_session=True,
            **options,
        )
    except OSError as error:
        return Result(-1, "", f"{argv[0]}: {error.strerror}")
    try:
        out, err = child.communicate(stdin.encode(), timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        return Result(-1, "", f"{argv[0]} did not end within {timeout:g} s")
    return Result(child.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def _groups(user: str) -> list[int]:
    return os.getgrouplist(user, pwd.getpwnam(user).pw_gid)
