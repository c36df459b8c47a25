"""What was never meant to happen: kept in a file, so that it can be reported."""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path

from opsctl import __version__
from opsctl.errors import OpsError

DEBUG = "OPSCTL_DEBUG"


def report(error: BaseException) -> OpsError:
    """Writes the traceback to a file of the user alone and gives the error to show instead."""
    text = masked("".join(traceback.format_exception(error)))
    if text is None:
        text = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
    words = masked(f": {error}") or ""
    if os.environ.get(DEBUG):
        sys.stderr.write(text)
    where = _keep(text)
    return OpsError(
        "opsctl/bug",
        f"opsctl did something that it should not: {type(error).__name__}{words}",
        where=where,
        hint="this is a mistake in opsctl, please report it with that file; "
        f"{DEBUG}=1 shows it here"
        if where
        else f"please report it; {DEBUG}=1 shows where it happened",
    )


def masked(text: str) -> str | None:
    """The text without any secret that this process has opened; None when they can't be told."""
    wiring = sys.modules.get("opsctl.wiring")
    masker = getattr(wiring, "masker", None)
    if masker is None:
        return text
    try:
        return str(masker()(text))
    except Exception:  # noqa: BLE001 - a report about a mistake must not end in another one
        return None


def state_folder() -> Path:
    """$XDG_STATE_HOME/opsctl, as wiring has it, which may be what is broken."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "opsctl"


def _keep(text: str) -> str:
    """The file's path, "" when it can't be written."""
    try:
        folder = state_folder() / "bugs"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / time.strftime(f"%Y%m%dT%H%M%S-{os.getpid()}.txt", time.gmtime())
        head = f"opsctl {__version__}, python {sys.version.split()[0]}, {sys.platform}\n"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(head + text)
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return ""
    return str(path)
