"""Environments of tools that can't share opsctl's: one per lock file, in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.measuring import Failed

HERE = Path(__file__).parent
INSTALL_TIMEOUT = 600  # seconds; 9 s were measured near a fast index


def cache() -> Path:
    """Where environments stay from one run to the next."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "opsctl" / "bench"


def environment(tool: str) -> Path:
    """The folder of `tool`'s environment, installed from its lock when the cache lacks it.

    Raises Failed with pip's last line. Half an installation is never left under the final name.
    """
    lock = HERE / f"{tool}.lock"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    target = cache() / f"{tool}-{digest}"
    if not (target / ".ready").exists():
        shutil.rmtree(target, ignore_errors=True)
        try:
            _run([sys.executable, "-m", "venv", str(target)])
            pip = [str(target / "bin/python"), "-m", "pip", "install", "--quiet", "--compile"]
            _run([*pip, "--require-hashes", "-r", str(lock)])
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        (target / ".ready").touch()
    return target


def warm(folder: Path) -> None:
    """Compile every module of an environment, so that no tool pays for it while measured."""
    argv = [str(folder / "bin/python"), "-m", "compileall", "-q", "-j", "0", str(folder / "lib")]
    # Some packages ship modules of other Pythons: their failing says nothing.
    _run(argv, check=False)


def _run(argv: list[str], *, check: bool = True) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(
            argv, env=env, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"not installed in {INSTALL_TIMEOUT} s") from None
    if check and done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["pip said nothing"]
        raise Failed(f"can't be installed: {lines[-1].strip()[:300]}")
