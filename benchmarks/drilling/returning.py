"""An old primary that stood still is let go on at the worst moment: while it is being replaced."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.drilling.site import Site

_SENTINELS = "opsctl-soak-sessions-sentinel@*.service"


@contextmanager
def resumed_at(site: Site, moment: str) -> Iterator[threading.Event]:
    """For the time of the block: as soon as a Sentinel says `moment`, the primary goes on. The
    event tells whether that happened. All connections are made beforehand. One Sentinel leads and
    says most of it alone: maybe the one beside the primary."""
    member, home = site.primary()
    unit = f"opsctl-soak-sessions-redis@{member}.service"
    said = threading.Event()
    with ExitStack() as stack:
        door = stack.enter_context(_program([*site.lab.ssh(home), "sh"]))

        def listen(log: subprocess.Popen[str]) -> None:
            assert log.stdout
            assert door.stdin
            for line in log.stdout:
                if moment in line and not said.is_set():
                    said.set()
                    door.stdin.write(f"systemctl kill --signal=CONT {unit}\n")
                    door.stdin.flush()

        for host in site.lab.hosts:
            follow = f"journalctl -f -n0 -o cat -u '{_SENTINELS}'"
            log = stack.enter_context(_program([*site.lab.ssh(host.name), follow]))
            threading.Thread(target=listen, args=(log,), daemon=True).start()
        yield said


@contextmanager
def _program(argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        argv, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()
