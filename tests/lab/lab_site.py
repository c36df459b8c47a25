"""An environment on lab hosts, driven as its users drive it: by the opsctl command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from opsctl.lab import Lab, LabSpec, up

ROOT = Path(__file__).resolve().parents[2]
OPSCTL = ROOT / ".venv" / "bin" / "opsctl"
T = TypeVar("T")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit: int
    out: str
    err: str
    seconds: float

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Site:
    """A folder with a spec in it, a lab below it, and a private home for opsctl."""

    folder: Path
    lab: Lab
    spec: str
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write(self.spec)

    @property
    def file(self) -> Path:
        return self.folder / "opsctl.yaml"

    def write(self, spec: str) -> None:
        self.spec = spec
        self.file.write_text(spec)

    def edit(self, before: str, after: str) -> None:
        assert before in self.spec
        self.write(self.spec.replace(before, after))

    @property
    def env(self) -> dict[str, str]:
        homes = {
            f"XDG_{name}_HOME": str(self.folder / name.lower())
            for name in ("CACHE", "CONFIG", "STATE")
        }
        kept = {key: value for key, value in os.environ.items() if not key.startswith("OPSCTL_")}
        # The lab's image cache stays where it is: only opsctl's own folders move.
        return {**kept, **homes, "COLUMNS": "200", **self.environment}

    def command(self, *arguments: str) -> list[str]:
        return [str(OPSCTL), *arguments]

    def run(self, *arguments: str, timeout: float = 240, text: str | None = None) -> Ended:
        started = time.monotonic()
        ended = subprocess.run(
            self.command(*arguments),
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            input=text if text is not None else "",
            check=False,
        )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout, ended.stderr, time.monotonic() - started)

    def ok(self, *arguments: str, timeout: float = 240) -> Ended:
        ended = self.run(*arguments, timeout=timeout)
        assert ended.exit == 0, f"exit {ended.exit}\n{ended.out}\n{ended.err}"
        return ended

    def refused(self, exit: int, code: str, *arguments: str, timeout: float = 240) -> Ended:
        ended = self.run(*arguments, timeout=timeout)
        assert ended.exit == exit, f"exit {ended.exit}\n{ended.out}\n{ended.err}"
        assert f"error[{code}]" in ended.err, ended.err
        return ended

    def apply(self, *more: str) -> Ended:
        return self.ok("apply", "--yes", "--max-impact", "failover", *more)

    def plan(self, *more: str) -> Any:
        return self.run("plan", "--output", "json", *more).json()

    def assert_converged(self) -> None:
        """A plan that is empty, awaited: a server may still be joining its peers."""

        def plan() -> Ended:
            return self.run("plan", "--exit-code")

        await_until(plan, lambda ended: ended.exit == 0, "the plan to be empty", show=True)

    def status(self) -> Any:
        return self.run("status", "--output", "json").json()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The command in the background, in a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.env,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def on(self, host: str, *argv: str, text: str | None = None, timeout: float = 60) -> str:
        """What a command on a host prints; it must succeed."""
        ended = self.lab.exec(host, list(argv), timeout=timeout, text=text)
        assert ended.returncode == 0, f"{argv}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def shell(self, host: str, script: str, timeout: float = 60) -> str:
        return self.on(host, "sh", "-c", script, timeout=timeout)


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL for the opsctl process alone: its children are left over on purpose."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait(30)


def await_until(
    look: Callable[[], T],
    holds: Callable[[T], bool],
    what: str,
    seconds: float = 60,
    show: bool = False,
) -> T:
    """Looks until it holds. Fails with the last look after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if holds(seen):
            return seen
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}: {seen!r}"
        time.sleep(0.2)


def lab_up(name: str, hosts: int = 3, **more: Any) -> Lab:
    return up(LabSpec(name=name, hosts=hosts, **more), progress=lambda words: None)


def members(status: Mapping[str, Any], service: str) -> Sequence[Mapping[str, Any]]:
    return next(item for item in status["services"] if item["name"] == service)["members"]
