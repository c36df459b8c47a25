"""promtool, which comes with Prometheus: see opsctl.ports.alerts.RuleTool."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from opsctl.errors import Exit, OpsError

_PATIENCE = 300.0  # seconds for all tests of all catalogues, on a slow machine
_HEAD = re.compile(r"^(?:Unit Testing:|Checking)\s+(\S+)\s*$", re.MULTILINE)


class Promtool:
    """Runs it in a folder of its own that is gone afterwards."""

    def check(self, files: Mapping[str, str]) -> Mapping[str, str]:
        return self._judged("check", files, {}) if files else {}

    def test(self, rules: Mapping[str, str], tests: Mapping[str, str]) -> Mapping[str, str]:
        return self._judged("test", tests, rules) if tests else {}

    def _judged(
        self, verb: str, named: Mapping[str, str], beside: Mapping[str, str]
    ) -> Mapping[str, str]:
        """What it says of each of the files that are named to it, where that is bad."""
        with tempfile.TemporaryDirectory(prefix="opsctl-promtool-") as place:
            for name, text in {**named, **beside}.items():
                (Path(place) / name).write_text(text)
            ended = _run([_program(), verb, "rules", *named], Path(place))
        if ended.returncode == 0:
            return {}
        return by_file(ended.stdout) or {next(iter(named)): ended.stdout.strip()}


def by_file(output: str) -> Mapping[str, str]:
    """Its complaints by file: it heads what it says with the file's name."""
    pieces = _HEAD.split(output)
    said = zip(pieces[1::2], pieces[2::2], strict=True)
    return {name: text.strip() for name, text in said if "FAILED" in text}


def _program() -> str:
    found = shutil.which("promtool")
    if found is None:
        raise OpsError(
            "promtool/missing",
            "promtool is not on this machine",
            hint="apt-get install prometheus (its service can stay off)",
            exit=Exit.REFUSED,
        )
    return found


def _run(call: Sequence[str], place: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            call,
            cwd=place,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # complaints go there, each behind its head
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        words = f"promtool did not end within {_PATIENCE:g} s"
        raise OpsError("promtool/timeout", words, exit=Exit.UNOBSERVED) from None
