"""`make demo`: three hosts, a Redis that fails over, a killed host, and what a client felt.

`make demo-down` removes everything again. All that the demo keeps lies in a folder of its own.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from client import Client, Report
from store import RedisStore
from terminal import Stopped, Terminal

SERVICE = "sessions"
USER = "app"
WRITES_BEFORE = 200  # two seconds of quiet, so that a silence stands out
WRITES_AFTER = 200
WIDTH = 100


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the service as `opsctl status` tells it."""

    name: str
    host: str
    address: str
    role: str

    @property
    def words(self) -> str:
        return f"{self.name} on {self.host} ({self.address})"


def main() -> int:
    """Exit 0 when everything was as promised, 1 when not, 130 after Ctrl-C."""
    acts = {"up": up, "down": down}
    if len(sys.argv) != 2 or sys.argv[1] not in acts:
        _complain("demo.py up | down")
        return 2
    try:
        return acts[sys.argv[1]]()
    except Stopped as stop:
        _complain(f"\nThe demo stops here: {stop}.")
    except (TimeoutError, OSError, ValueError) as error:
        _complain(f"\nThe demo stops here: {type(error).__name__}: {error}.")
    except KeyboardInterrupt:
        _complain("\nStopped. The hosts stay up; `make demo-down` removes them.")
        return 130
    _complain("`make demo` goes on from here; `make demo-down` removes everything.")
    return 1


def up() -> int:
    """The whole story."""
    began = time.monotonic()
    terminal = _terminal()
    _claim(terminal)
    terminal.say(f"Everything of the demo lies in {terminal.folder}, its opsctl.yaml too:\n")
    terminal.say(_indented(_spec_text()))
    _hosts(terminal)
    _build(terminal)
    kept = _break(terminal)
    _heal(terminal)
    _goodbye(terminal, time.monotonic() - began)
    return 0 if kept else 1


def down() -> int:
    """Remove the lab and the folder. Doing it twice does no harm."""
    terminal = _terminal()
    if not _claimed(terminal.folder):
        terminal.say("There is nothing of the demo here. A lab of your own stays.")
        return 0
    terminal.run("lab", "down", timeout=120)
    shutil.rmtree(terminal.folder)
    terminal.say(f"Removed the hosts and {terminal.folder}.")
    terminal.say("Images and downloaded packages stay in opsctl's cache for the next time.")
    return 0


def _hosts(terminal: Terminal) -> None:
    terminal.heading("1. Three Debian hosts: own systemd, own disk, own address")
    terminal.run("lab", "up", timeout=900)


def _build(terminal: Terminal) -> None:
    terminal.heading("2. A Redis with Sentinel on them")
    if not (terminal.folder / "secrets.yaml").exists():
        terminal.run("secrets", "init", timeout=60)
    terminal.run("apply", "--yes", "--max-impact", "failover", timeout=900)
    terminal.run("status", timeout=60)
    terminal.heading("3. The same once more: nothing to do")
    took = terminal.run("apply", "--yes", timeout=120)
    terminal.say(f"That took {took:.2f} s: three hosts were looked at, nothing was touched.")


def _break(terminal: Terminal) -> bool:
    """Kill the primary's host under a writing client; gives whether no write was lost."""
    terminal.heading("4. The host of the primary is killed while a client writes every 10 ms")
    before = _whole(terminal)
    victim = _primary(before)
    store = _store(terminal, before)
    client = Client(store)
    client.start()
    try:
        client.await_count(WRITES_BEFORE, timeout=30)
        terminal.say(f"The client has {client.count} writes acknowledged by {victim.words}.")
        terminal.run("lab", "fault", "kill", victim.host, "--for", "5m", timeout=60)
        client.await_count(client.count + WRITES_AFTER, timeout=90)
    finally:
        client.stop()
    report = client.report()
    terminal.heading("5. What the client felt")
    terminal.run("status", timeout=60, may=range(256))
    now = store.primary_address()
    new = next(member for member in before if member.address == now)
    terminal.say()
    terminal.say(report_text(report, victim.words, new.words, store.pattern))
    return not report.lost


def report_text(report: Report, old: str, new: str, pattern: str) -> str:
    """The figures, a line each."""
    lines = {
        "primary before": old,
        "primary now": new,
        "cut-off": f"{report.cut_off * 1000:.0f} ms from the last acknowledged write to the next",
        "acknowledged": f"{report.acknowledged} writes (keys {pattern})",
        "refused": f"{report.refused} tries in that time, each repeated until it was acknowledged",
        "lost": f"{len(report.lost)} of the acknowledged writes" + _some(report.lost),
        "duplicated": f"{len(report.duplicated)} writes were done twice" + _some(report.duplicated),
    }
    return "\n".join(f"  {name:<15} {words}" for name, words in lines.items())


def _some(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5])
    return f": {shown}{', ...' if len(numbers) > 5 else ''}" if numbers else ""


def _heal(terminal: Terminal) -> None:
    terminal.heading("6. The killed host gets its power back and joins as a replica")
    terminal.run("lab", "fault", "heal", timeout=120)
    began = time.monotonic()
    _whole(terminal)
    took = time.monotonic() - began
    terminal.say(f"The service is whole again {took:.1f} s after the host answered.")
    terminal.run("status", timeout=60)
    terminal.run("plan", "--exit-code", timeout=60)


def _goodbye(terminal: Terminal, took: float) -> None:
    terminal.heading(f"That was the demo, in {took:.0f} s. Try now")
    steps = {
        f"cd {shlex.quote(str(terminal.folder))} && . ./env": "here `opsctl` is the demo's",
        "opsctl switchover sessions": "planned: hardly a client notices",
        "opsctl connect sessions": "a session on the primary; DBSIZE",
        "opsctl plan --set services.sessions.settings.maxmemory-policy=allkeys-lru": "",
        "opsctl plan --explain": "what failover: fast promises, and its price",
        "opsctl lab exec n1 -- systemctl --type service": "the hosts are real",
        "opsctl history": "who did what",
        "make demo-down": "in the checkout: removes everything",
    }
    for command, words in steps.items():
        terminal.say(f"  {command:<48}  {words}".rstrip())


def _whole(terminal: Terminal) -> tuple[Member, ...]:
    """Wait until `opsctl status --check` finds everything healthy and one member is primary."""

    def healthy() -> bool:
        return terminal.ask("status", "--check", timeout=60)[0] == 0

    _await(healthy, "the service to be whole", timeout=90)
    return _members(terminal)


def _await(ready: Callable[[], bool], what: str, timeout: float) -> None:
    end = time.monotonic() + timeout
    while not ready():
        if time.monotonic() > end:
            raise Stopped(f"waited {timeout:g} s for {what}")


def _members(terminal: Terminal) -> tuple[Member, ...]:
    _, text = terminal.ask("status", "--output", "json", timeout=60)
    try:
        services = json.loads(text)["services"]
        (service,) = (one for one in services if one["name"] == SERVICE)
        return tuple(
            Member(
                name=member["name"],
                host=member["where"].partition("/")[2],
                address=member["address"],
                role=next(
                    (part["role"] for part in member["components"] if part.get("role") in ROLES),
                    "unknown",
                ),
            )
            for member in service["members"]
        )
    except (ValueError, KeyError) as error:
        raise Stopped(f"`opsctl status` can't be read: {error!r}") from error


ROLES = ("primary", "replica")


def _primary(members: tuple[Member, ...]) -> Member:
    found = [member for member in members if member.role == "primary"]
    if len(found) != 1:
        raise Stopped(f"{len(found)} members say that they are primary")
    return found[0]


def _store(terminal: Terminal, members: tuple[Member, ...]) -> RedisStore:
    """The password goes from opsctl's standard output to the client, and nowhere else."""
    code, password = terminal.ask("secrets", "show", f"{SERVICE}/user/{USER}", timeout=60)
    if code != 0:
        raise Stopped(f"`opsctl secrets show` ended with exit code {code}")
    return RedisStore(SERVICE, [member.address for member in members], USER, password.strip())


def _terminal() -> Terminal:
    """Folders of the demo's own instead of the person's; only the lab's cache is shared."""
    # In a shell that read the demo's `env`, only OPSCTL_CACHE still names the person's cache.
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = Path(os.environ.get("OPSCTL_CACHE") or base / "opsctl")
    folder = cache / "demo"
    environment = {
        "OPSCTL_CACHE": str(cache),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "XDG_STATE_HOME": str(folder / "state"),
    }
    return Terminal(Path(sys.executable).parent / "opsctl", folder, environment)


def _claim(terminal: Terminal) -> None:
    """Make the folder. Raises Stopped when the lab is there and not the demo's."""
    folder = terminal.folder
    if not _claimed(folder):
        _refuse_foreign(terminal)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if not (folder / "opsctl.yaml").exists():
        shutil.copyfile(Path(__file__).parent / "opsctl.yaml", folder / "opsctl.yaml")
    lines = [f"export {name}={shlex.quote(value)}" for name, value in terminal.environment.items()]
    path = f'export PATH={shlex.quote(str(terminal.program.parent))}:"$PATH"'
    (folder / "env").write_text("\n".join([*lines, path]) + "\n")


def _refuse_foreign(terminal: Terminal) -> None:
    outside = Terminal(terminal.program, Path(__file__).parent, terminal.environment)
    code, _ = outside.ask("lab", "status", "--name", "lab", timeout=60)
    if code == 0:
        raise Stopped('the lab "lab" is in use and not the demo\'s; `opsctl lab down` removes it')


def _claimed(folder: Path) -> bool:
    return (folder / "env").exists()


def _complain(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def _spec_text() -> str:
    return (Path(__file__).parent / "opsctl.yaml").read_text()


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
