"""An environment on lab hosts, driven as its users drive it: by the opsctl command."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import warm

from opsctl.lab import Lab, LabSpec, up

ROOT = Path(__file__).resolve().parents[2]
OPSCTL = ROOT / ".venv" / "bin" / "opsctl"
T = TypeVar("T")
Event = Mapping[str, str]  # event, step, where, words


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit: int
    out: str
    err: str
    seconds: float

    def json(self) -> Any:
        return json.loads(self.out)


def _as_on_a_terminal() -> None:
    """Ctrl-C counts, though what runs the tests may have been started with it ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Site:
    """A folder with a spec in it, a lab below it, and a private home for opsctl."""

    folder: Path
    lab: Lab
    spec: str
    environment: dict[str, str] = field(default_factory=dict)
    # Commands are forks of a process that has opsctl imported: up to a third less time.
    warm: bool = True

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
        given = text or ""
        if self.warm:
            ended = warm.run(arguments, env=self.env, cwd=self.folder, text=given, timeout=timeout)
        else:
            ended = subprocess.run(
                self.command(*arguments),
                env=self.env,
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=timeout,
                input=given,
                check=False,
            )
        assert "Traceback" not in ended.stderr, ended.stderr
        return Ended(ended.returncode, ended.stdout, ended.stderr, time.monotonic() - started)

    def ok(self, *arguments: str, timeout: float = 240, text: str | None = None) -> Ended:
        ended = self.run(*arguments, timeout=timeout, text=text)
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
            preexec_fn=_as_on_a_terminal,
        )

    def begin(self, *arguments: str) -> Running:
        """The command in the background, its events read as they come."""
        return Running(self.start(*arguments, "--output", "json"))

    def elsewhere(self, folder: Path) -> Site:
        """The same environment from another machine: nothing but the spec was copied there."""
        return Site(folder, self.lab, self.spec, dict(self.environment), self.warm)

    def once_free(self, *arguments: str, seconds: float = 90) -> Ended:
        """The command, again and again while a lock is held; it must succeed then."""
        ended = await_until(
            lambda: self.run(*arguments), lambda ended: ended.exit != 7, "the lock", seconds
        )
        assert ended.exit == 0, f"exit {ended.exit}\n{ended.out}\n{ended.err}"
        return ended

    def on(self, host: str, *argv: str, text: str | None = None, timeout: float = 60) -> str:
        """What a command on a host prints; it must succeed."""
        ended = self.lab.exec(host, list(argv), timeout=timeout, text=text)
        assert ended.returncode == 0, f"{argv}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def shell(self, host: str, script: str, timeout: float = 60) -> str:
        return self.on(host, "sh", "-c", script, timeout=timeout)


class Running:
    """A command that goes on while its JSON events are read."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._began = time.monotonic()
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._out: list[str] = []
        self._err: list[str] = []
        self._readers = [threading.Thread(target=read) for read in (self._read_out, self._read_err)]
        for reader in self._readers:
            reader.start()

    def _read_out(self) -> None:
        assert self.process.stdout
        self._out.append(self.process.stdout.read())

    def _read_err(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self._err.append(line)
            self._lines.put(line)
        self._lines.put(None)

    def events(self) -> Iterator[Event]:
        """Each event as it comes, to the end of the command."""
        while (line := self._lines.get(timeout=300)) is not None:
            said = json.loads(line)
            if "event" in said:
                yield said

    def until(self, holds: Callable[[Event], bool], what: str = "the event") -> Event:
        """The first event for which it holds."""
        for event in self.events():
            if holds(event):
                return event
        raise AssertionError(f"it ended before {what}: {''.join(self._out + self._err)}")

    def kill(self) -> None:
        """SIGKILL for opsctl alone: what it started is left over on purpose."""
        kill(self.process)
        for reader in self._readers:
            reader.join(30)

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def end(self, timeout: float = 120) -> Ended:
        exit = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(30)
        err = "".join(self._err)
        assert "Traceback" not in err, err
        return Ended(exit, "".join(self._out), err, time.monotonic() - self._began)


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
