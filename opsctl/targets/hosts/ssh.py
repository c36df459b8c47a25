"""The system's OpenSSH, many hosts at once, over connections that are kept for some minutes.

The first call to a host opens a master connection (ControlMaster) that stays; later calls take
10 ms instead of 200. One loop feeds and reads all of them: threads would cost more than they do.
"""

from __future__ import annotations

import hashlib
import os
import selectors
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from opsctl.errors import OpsError
from opsctl.targets.hosts.values import Host, SshOptions

PERSIST = 600  # seconds an idle connection is kept
ALIVE = (2, 3)  # seconds between signs of life, and how many may be missing
CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Said:
    """How one ssh call ended; `exit` is None when its time ran out."""

    exit: int | None
    out: bytes
    err: str
    began: float  # seconds since the epoch, here
    ended: float


@dataclass(frozen=True, slots=True)
class Begun:
    """A command that runs and has been told, or will be, the first part of its standard input."""

    process: subprocess.Popen[bytes]
    untold: bytes


Call = tuple[Sequence[str] | Begun, bytes]
"""A command, or one that was begun, and its standard input, or the rest of it."""


@dataclass(slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    stdin: memoryview
    began: float
    out: list[bytes] = field(default_factory=list)
    err: list[bytes] = field(default_factory=list)
    open: set[IO[bytes]] = field(default_factory=set)


def sockets_folder() -> Path:
    """A private folder for control sockets. Short: a socket's path has at most 107 bytes.

    Raises hosts/ssh-folder when somebody else's folder stands there.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    base = Path(runtime) if runtime and len(runtime) < 30 and Path(runtime).is_dir() else None
    folder = base / "opsctl" if base else Path(f"/tmp/opsctl-{os.getuid()}")  # noqa: S108
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        message = f"{folder} is not a folder that only you can open"
        raise OpsError("hosts/ssh-folder", message, hint=f"rm -r {folder}")
    return folder


def user_of(host: Host, options: SshOptions) -> str:
    return host.user or options.user


def becomes(host: Host, options: SshOptions) -> bool:
    """Whether sudo is needed: as asked, else unless the user is root."""
    asked = options.become if host.become is None else host.become
    return user_of(host, options) != "root" if asked is None else asked


def arguments(host: Host, options: SshOptions) -> list[str]:
    """Options of ssh for a host, the destination not included. ansible is given the same."""
    chosen = [word for option in options.options for word in ("-o", option)]  # the first counts
    chosen += [
        "-o", "BatchMode=yes",
        "-o", "ControlMaster=auto",
        "-o", f"ControlPath={sockets_folder()}/{_way(host, options)}%C",
        "-o", f"ControlPersist={PERSIST}",
        "-o", f"ConnectTimeout={max(1, round(options.connect_timeout))}",
        "-o", f"ServerAliveInterval={ALIVE[0]}",
        "-o", f"ServerAliveCountMax={ALIVE[1]}",
    ]  # fmt: skip
    if key := host.key or options.key:
        chosen += ["-i", str(Path(key).expanduser()), "-o", "IdentitiesOnly=yes"]
    if options.known_hosts:
        chosen += ["-o", f"UserKnownHostsFile={Path(options.known_hosts).expanduser()}"]
    if port := host.port or options.port:
        chosen += ["-p", str(port)]
    return chosen + jump(host, options)


def _way(host: Host, options: SshOptions) -> str:
    """Keeps connections apart that lead to one address by different ways, as private addresses
    behind two bastions: they are two machines. Empty for the plain way."""
    way = (host.bastion or options.bastion, *options.options)
    return hashlib.sha256("\n".join(way).encode()).hexdigest()[:6] + "-" if any(way) else ""


def jump(host: Host, options: SshOptions) -> list[str]:
    """Options that lead over the bastion. The target's key and known_hosts count there as well;
    ssh's own -J would take neither along."""
    bastion = host.bastion or options.bastion
    key = host.key or options.key
    if not bastion or not (key or options.known_hosts):
        return ["-J", bastion] if bastion else []
    own = ["ssh", "-o", "BatchMode=yes"]
    own += ["-o", f"ConnectTimeout={max(1, round(options.connect_timeout))}"]
    if key:
        own += ["-i", str(Path(key).expanduser()), "-o", "IdentitiesOnly=yes"]
    if options.known_hosts:
        own += ["-o", f"UserKnownHostsFile={Path(options.known_hosts).expanduser()}"]
    return ["-o", f"ProxyCommand={_through(bastion.split(','), own)}"]


def _through(hops: Sequence[str], own: Sequence[str]) -> str:
    """The command that connects over `hops`, in ssh's quoting: its own % are doubled."""
    *before, last = hops
    words = [*own, "-o", f"ProxyCommand={_through(before, own)}"] if before else own
    destination = last if last.startswith("ssh://") else f"ssh://{last}"
    return f"{shlex.join(words).replace('%', '%%')} -W '[%h]:%p' -- {shlex.quote(destination)}"


def destination(host: Host, options: SshOptions) -> str:
    user = user_of(host, options)
    return f"{user}@{host.address}" if user else host.address


def command(host: Host, options: SshOptions, *more: str) -> list[str]:
    """The whole ssh command; `more` is what runs there, quoted for its shell."""
    return ["ssh", "-T", *arguments(host, options), "--", destination(host, options), *more]


def begin(argv: Sequence[str], first: bytes) -> Begun:
    """Start a command whose standard input begins with `first`, to be run to its end by `run_all`.

    Never waits: what the pipe does not take at once is told then.
    """
    process = _started(argv)
    assert process.stdin
    try:
        told = os.write(process.stdin.fileno(), first)
    except (BlockingIOError, BrokenPipeError):
        told = 0
    return Begun(process, first[told:])


def abandon(begun: Begun) -> None:
    """End a command that nobody wants any more."""
    process = begun.process
    process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream
        stream.close()
    with suppress(subprocess.TimeoutExpired):  # it hangs in the kernel; nobody waits for it
        process.wait(timeout=2)


def run_all(
    calls: Mapping[str, Call],
    timeout: float,
    parallel: int,
    stragglers: float | None = None,
) -> dict[str, Said]:
    """Run commands with their standard input, `parallel` at once, each `timeout` seconds.

    With `stragglers`, the others have that many seconds more once most have answered.
    """
    said: dict[str, Said] = {}
    everybody = time.time() + timeout * len(calls)
    last = everybody  # by when all must have ended
    waiting = list(calls)[::-1]
    running: dict[str, _Running] = {}
    with selectors.DefaultSelector() as selector:
        while waiting or running:
            while waiting and len(running) < parallel:
                name = waiting.pop()
                running[name] = _start(name, calls[name], selector)
            patience = min(_patience(running, timeout), max(0.0, last - time.time()) + 0.01)
            for key, _ in selector.select(patience):
                _move(key, running[key.data], selector)
            for name, call in list(running.items()):
                if not call.open or time.time() > min(call.began + timeout, last):
                    said[name] = _end(running.pop(name), selector)
            answered = sum(one.exit == 0 for one in said.values())
            most = 2 * answered > len(calls) and not waiting
            if stragglers is not None and most and last == everybody:
                last = time.time() + stragglers
    return said


def _start(name: str, call: Call, selector: selectors.BaseSelector) -> _Running:
    command, text = call
    begun = command if isinstance(command, Begun) else Begun(_started(command), b"")
    process = begun.process
    assert process.stdin
    assert process.stdout
    assert process.stderr
    for stream, events in (
        (process.stdin, selectors.EVENT_WRITE),
        (process.stdout, selectors.EVENT_READ),
        (process.stderr, selectors.EVENT_READ),
    ):
        selector.register(stream, events, name)
    started = _Running(process, memoryview(begun.untold + text), time.time())
    started.open = {process.stdout, process.stderr}
    return started


def _started(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """The process, with pipes that nobody blocks on. Raises hosts/no-ssh."""
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            list(argv), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, bufsize=0
        )
    except FileNotFoundError:
        message, hint = (
            f"{argv[0]} is not installed on this machine",
            "apt-get install openssh-client",
        )
        raise OpsError("hosts/no-ssh", message, hint=hint) from None
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream
        os.set_blocking(stream.fileno(), False)
    return process


def _patience(running: Mapping[str, _Running], timeout: float) -> float:
    first = min((call.began for call in running.values()), default=time.time())
    return max(0.0, first + timeout - time.time()) + 0.01


def _move(key: selectors.SelectorKey, call: _Running, selector: selectors.BaseSelector) -> None:
    """Move some bytes on a stream that is ready; close it at its end."""
    stream = key.fileobj
    assert not isinstance(stream, int)
    if stream is call.process.stdin:
        try:
            call.stdin = call.stdin[os.write(key.fd, call.stdin[:CHUNK]) :]
        except BrokenPipeError:  # it ended early; what it said tells why
            call.stdin = call.stdin[:0]
        if not call.stdin:
            selector.unregister(stream)
            call.process.stdin.close()
        return
    data = os.read(key.fd, CHUNK)
    (call.out if stream is call.process.stdout else call.err).append(data)
    if not data:
        selector.unregister(stream)
        call.open.discard(stream)
        # A fresh master may keep standard error open: the answer's end is the end.
        if stream is call.process.stdout and call.process.stderr in call.open:
            call.open.clear()


def _end(call: _Running, selector: selectors.BaseSelector) -> Said:
    late = bool(call.open)
    process = call.process
    if late:
        process.kill()
    try:
        code: int | None = process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait(timeout=2)
    for stream in (process.stdin, process.stdout, process.stderr):
        assert stream
        if stream is process.stderr and not stream.closed:
            call.err.append(_rest(stream))
        if stream.fileno() in (selector.get_map() or {}) if not stream.closed else False:
            selector.unregister(stream)
        stream.close()
    err = b"".join(call.err).decode(errors="replace")
    return Said(None if late else code, b"".join(call.out), err, call.began, time.time())


def _rest(stream: IO[bytes]) -> bytes:
    try:
        return os.read(stream.fileno(), CHUNK)
    except BlockingIOError:
        return b""


def forget(host: Host, options: SshOptions) -> None:
    """Drop a kept connection that no longer answers, so that the next call makes a new one. One
    whose own process stands still can't be told, and stays."""
    argv = ["ssh", "-O", "exit", *arguments(host, options), "--", destination(host, options)]
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(argv, capture_output=True, timeout=5, check=False)
