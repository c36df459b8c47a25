"""A local port that leads to a member's: SSH forwarding that ends with its user."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opsctl.errors import Exit, OpsError
from opsctl.targets.hosts import ssh, ssh_errors
from opsctl.targets.hosts.values import Host, SshOptions

READY = b"forwarding\n"


@contextmanager
def tunnel(where: str, host: Host, options: SshOptions, port: int) -> Iterator[int]:
    """A free port of 127.0.0.1 that leads to `port` at the host's own address.

    The far end is `cat` on our pipe: when this process dies, however it dies, so does the tunnel.
    Raises hosts/tunnel, or why the host can't be reached.
    """
    local = _free_port()
    far = f"[{host.address}]" if ":" in host.address else host.address
    # Its own connection: a kept one would go on forwarding after we are gone.
    argv = [
        "ssh", "-T", "-o", "ControlPath=none", "-o", "ExitOnForwardFailure=yes",
        "-L", f"127.0.0.1:{local}:{far}:{port}",
        *ssh.arguments(host, options), "--", ssh.destination(host, options),
        "echo forwarding; exec cat",
    ]  # fmt: skip
    pipe = subprocess.PIPE
    process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    try:
        _await(process, where, host, options.connect_timeout + 10)
        yield local
    finally:
        process.kill()
        process.communicate()


def _await(process: subprocess.Popen[bytes], where: str, host: Host, patience: float) -> None:
    """Wait until forwarding works; `patience` is in seconds."""
    assert process.stdout
    alarm = threading.Timer(patience, process.kill)
    alarm.start()
    line = process.stdout.readline()
    alarm.cancel()
    if line == READY:
        return
    _, err = process.communicate(timeout=5)
    said = ssh.Said(process.returncode, line, err.decode(errors="replace"), 0, 0)
    raise ssh_errors.unreachable(where, host.address, said) or OpsError(
        "hosts/tunnel",
        "the SSH tunnel did not come up",
        where=f"host {where}",
        details=tuple(said.err.splitlines()[-3:]),
        exit=Exit.UNOBSERVED,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
