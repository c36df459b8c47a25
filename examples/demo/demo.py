"""`make demo`: a Redis behind an address that moves, and a drill that kills the host of both until
somebody was told by an alert.

`make demo-down` removes everything again. All that the demo keeps lies in a folder of its own.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from pager import URL, Pager, Told, pager
from terminal import Stopped, Terminal

NAME = "demo"
FAULT = "primary-and-vip-host"
PAGE = "demo-drill.html"
AWAY = 120  # seconds after which the host's power is back, whoever was told
TOLD = 180  # seconds until somebody must have been told
MISSED = 3  # the exit code of a drill that ran to its end and missed the objectives of the spec


class Foreign(Exception):
    """The lab that the demo would use is somebody else's."""


def main() -> int:
    """Exit 0 when everything was as promised, 1 when not, 130 after Ctrl-C."""
    acts = {"up": up, "down": down}
    if len(sys.argv) != 2 or sys.argv[1] not in acts:
        _complain("demo.py up | down")
        return 2
    try:
        return acts[sys.argv[1]]()
    except Foreign:
        _complain('The lab "lab" is not the demo\'s: `opsctl lab down` removes it, if it may go.')
        return 1
    except Stopped as stop:
        _complain(f"\nThe demo stops here: {stop}.")
    except OSError as error:
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
    terminal.say(
        f"Everything of the demo lies in {terminal.folder}. Its opsctl.yaml, written anew:\n"
    )
    terminal.say(_indented((terminal.folder / "opsctl.yaml").read_text()))
    _hosts(terminal)
    with pager() as on_call:  # from the start: an Alertmanager that tells nobody is an alert
        _build(terminal)
        _drill(terminal, on_call)
    _goodbye(terminal, time.monotonic() - began)
    return 0


def down() -> int:
    """Remove the lab and the folder. Doing it twice does no harm."""
    terminal = _terminal()
    if not _claimed(terminal.folder):
        terminal.say("There is nothing of the demo here. A lab of your own stays.")
        return 0
    if _lab_is_up(terminal):
        terminal.run("lab", "down", timeout=120)
    shutil.rmtree(terminal.folder)
    terminal.say(f"Removed the hosts and {terminal.folder}.")
    terminal.say("Images and downloaded packages stay in opsctl's cache for the next time.")
    return 0


def _hosts(terminal: Terminal) -> None:
    terminal.heading("1. Three Debian hosts: own systemd, own disk, own address")
    terminal.run("lab", "up", timeout=900)


def _build(terminal: Terminal) -> None:
    terminal.heading(
        "2. A Redis with Sentinel, an address that leads to its primary, who watches both"
    )
    if not (terminal.folder / "secrets.yaml").exists():
        terminal.run("secrets", "init", timeout=60)
    terminal.give(URL, "secrets", "set", "pager", timeout=60)
    terminal.run("apply", "--yes", "--max-impact", "failover", timeout=900)
    terminal.run("status", timeout=60)
    terminal.heading("3. The same once more: nothing to do")
    took = terminal.run("apply", "--yes", timeout=120)
    terminal.say(f"That took {took:.2f} s: three hosts were looked at, nothing was touched.")


def _drill(terminal: Terminal, on_call: Pager) -> None:
    terminal.heading(
        "4. One host is the primary's and holds the address: it has no power until somebody is told"
    )
    on_call.forget()
    threading.Thread(target=_give_power, args=(terminal, on_call), daemon=True).start()
    away = ("--for", f"{AWAY}s", "--environment", NAME, "--yes")
    terminal.run("drill", "run", FAULT, *away, timeout=300, may=(0, MISSED))
    terminal.run("drill", "report", "--html", PAGE, timeout=60)
    terminal.say(f"The page with the timeline is {terminal.folder / PAGE}.")
    terminal.heading("5. Who was told")
    _, said = terminal.ask("drill", "report", "--output", "json", timeout=60)
    report = json.loads(said)
    _tell(terminal, on_call, report["wall"] + (report["strike"] or 0.0))
    terminal.heading("6. All is back, and there is nothing to mend")
    terminal.run("status", timeout=60)
    terminal.run("plan", "--exit-code", timeout=60)


def _give_power(terminal: Terminal, on_call: Pager) -> None:
    """What who is told does, beside the drill that goes on. Power is back after AWAY anyway."""
    if on_call.first(partial(_says, "firing"), AWAY):
        with suppress(Stopped):
            terminal.ask("lab", "fault", "heal", timeout=60)


def _tell(terminal: Terminal, on_call: Pager, struck: float) -> None:
    """Raises Stopped when nobody was told."""
    firing = _awaited(on_call, partial(_says, "firing"))
    # Of the host that was struck: that of a demo before may be told once more.
    ended = _awaited(on_call, lambda one: _says("resolved", one) and one.summary == firing.summary)
    for told in (firing, ended):
        after = told.at - struck
        terminal.say(f"  after {after:.0f} s  {told.status:<8}  {told.name}: {told.summary}")


def _awaited(on_call: Pager, holds: Callable[[Told], bool]) -> Told:
    told = on_call.first(holds, TOLD)
    if told is None:
        raise Stopped(f"nobody was told of the host that was away, for {TOLD} s")
    return told


def _says(status: str, told: Told) -> bool:
    return (told.name, told.status) == ("HostDown", status)


def _goodbye(terminal: Terminal, took: float) -> None:
    terminal.heading(f"That was the demo, in {took:.0f} s. Try now")
    steps = {
        f"cd {shlex.quote(str(terminal.folder))} && . ./env": "here `opsctl` is the demo's",
        "opsctl switchover sessions": "planned: hardly a client notices",
        "opsctl connect sessions": "a session on the primary; DBSIZE",
        "opsctl plan --set services.sessions.settings.maxmemory-policy=allkeys-lru": "",
        "opsctl plan --explain": "what failover: fast promises, and its price",
        "opsctl drill list": "what else can be broken",
        "opsctl secrets show metrics-dc/user/opsctl": "the password of Prometheus (user: opsctl)",
        "opsctl backup take sessions": "then: backup list, backup verify, restore",
        "opsctl lab exec n1 -- systemctl --type service": "the hosts are real",
        "opsctl history": "who did what",
        "make demo-down": "in the checkout: removes everything",
    }
    for command, words in steps.items():
        terminal.say(f"  {command:<48}  {words}".rstrip())


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
    """Make the folder. Raises Foreign when the lab is there and not the demo's."""
    folder = terminal.folder
    if not _claimed(folder) and _lab_is_up(terminal):
        raise Foreign
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    shutil.copyfile(Path(__file__).parent / "opsctl.yaml", folder / "opsctl.yaml")
    lines = [f"export {name}={shlex.quote(value)}" for name, value in terminal.environment.items()]
    path = f'export PATH={shlex.quote(str(terminal.program.parent))}:"$PATH"'
    (folder / "env").write_text("\n".join([*lines, path]) + "\n")


def _lab_is_up(terminal: Terminal) -> bool:
    anywhere = replace(terminal, folder=Path(__file__).parent)  # the demo's own may not be there
    return anywhere.ask("lab", "status", "--name", "lab", timeout=60)[0] == 0


def _claimed(folder: Path) -> bool:
    return (folder / "env").exists()


def _complain(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
