"""Where things stand on a host, files that are never seen half written, and owners."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import stat
import threading
from collections.abc import Callable
from typing import Any

from . import jsontext
from .shell import RefusedError

ROOT = ""  # tests set a folder here
STATE = "/var/lib/opsctl"
UNITS = "/etc/systemd/system"
RUN = "/run/opsctl"
STARTED = "/run/opsctl/started"
TAKEN = "/run/opsctl/taken"
AGENT = "/run/opsctl/agent"  # compiled programs; made by the first change, not by a look


def below(path: str) -> str:
    return ROOT + path


def state(environment: str, name: str = "") -> str:
    """A path in the environment's state folder."""
    return below("/".join(part for part in (STATE, environment, name) if part))


def make_folder(path: str, mode: int = 0o755) -> None:
    """Make a folder and the ones above it, these root's and 0755."""
    parent = os.path.dirname(path)
    if parent and not os.path.isdir(parent):
        make_folder(parent)
    with contextlib.suppress(FileExistsError), full_disk(path):
        os.mkdir(path, mode)
        os.chmod(path, mode)


def write(
    path: str,
    content: bytes,
    mode: int,
    uid: int = 0,
    gid: int = 0,
    accept: Callable[[str], None] | None = None,
) -> None:
    """Replace a file in one step: a reader, or a crash, finds the old or the new one.

    `accept` is given the path where the new one waits, and raises to keep the old one.
    """
    folder, name = os.path.split(path)
    with full_disk(path):
        # It ends as the file does: some programs tell by that what they read.
        draft = f"{folder}/.opsctl-{os.getpid()}-{threading.get_ident()}-{name}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fchown(handle, uid, gid)
                os.fchmod(handle, mode)
                os.fsync(handle)
            if accept:
                accept(draft)
            os.rename(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
        sync_folder(folder)


def sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class full_disk:  # noqa: N801 - it is used as a word of the language, `with full_disk(path):`
    """Turns ENOSPC into hosts/disk-full with the path."""

    def __init__(self, path: str):
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = f"df -h {os.path.dirname(self.path)}; make room, then apply again"
            raise RefusedError("hosts/disk-full", f"no space left for {self.path}", hint) from error


def read_json(path: str) -> Any:
    """The content of a JSON file; None when there is none. A broken one raises hosts/state."""
    try:
        with open(path, encoding="utf-8") as file:
            return jsontext.read(file.read())
    except FileNotFoundError:
        return None
    except ValueError as error:
        message = f"{path} is damaged: {error}"
        raise RefusedError("hosts/state", message, f"look at {path}; restore it") from error


def write_json(path: str, value: Any) -> None:
    text = jsontext.written(value)
    write(path, text.encode(), 0o600, os.geteuid(), os.getegid())


_KNOWN: dict[str, tuple[int, int]] = {}  # a package may bring an account, and none ever goes


def ids(owner: str) -> tuple[int, int]:
    """The numbers of "user:account": the user, and the group of that name or of that account."""
    user, _, group = owner.partition(":")
    try:
        if owner not in _KNOWN:
            _KNOWN[owner] = pwd.getpwnam(user).pw_uid, _group(group or user)
        return _KNOWN[owner]
    except KeyError as error:
        message = f"there is no account {owner} on the host"
        raise RefusedError("hosts/no-user", message, "does its package make it?") from error


def _group(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_gid
    except KeyError:
        return grp.getgrnam(name).gr_gid


def owner_of(found: os.stat_result, wanted: str) -> str:
    """The owner as `wanted` says it if it is that one, else by its real names."""
    try:
        if ids(wanted) == (found.st_uid, found.st_gid):
            return wanted
    except RefusedError:  # no such account: then by the real names
        pass
    try:
        user = pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        user = str(found.st_uid)
    try:
        return f"{user}:{grp.getgrgid(found.st_gid).gr_name}"
    except KeyError:
        return f"{user}:{found.st_gid}"


def mode_of(found: os.stat_result) -> str:
    return f"{stat.S_IMODE(found.st_mode):04o}"
