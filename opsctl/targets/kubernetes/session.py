"""A program of its own: runs another in a container, or prints a container's log.

    python -m opsctl.targets.kubernetes.session [--context C] [--kubeconfig F] -n NAMESPACE \\
        exec POD CONTAINER PROGRAM [ARGUMENT...]
        log POD CONTAINER --lines N [--follow]

Standard input, output and error are the other program's, and so is the exit code. In a terminal it
has a terminal, too. Exit code 255: it could not be reached, as ssh has it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from opsctl.errors import OpsError
from opsctl.targets.kubernetes.api import Api
from opsctl.targets.kubernetes.channels import ERROR, STDERR, STDOUT, ended
from opsctl.targets.kubernetes.connection import Connection
from opsctl.targets.kubernetes.following import Log, print_log
from opsctl.targets.kubernetes.streams import Stream, open_stream

UNREACHED: Final = 255
_QUIET: Final = 20.0  # seconds after which a silent connection is shown to be alive
_CHUNK: Final = 32_768


def main(words: Sequence[str]) -> int:
    said = _parser().parse_args(words)
    connection = Connection(said.context, Path(said.kubeconfig) if said.kubeconfig else None)
    api = Api(connection, connection.words, said.namespace)
    try:
        if said.what == "log":
            return print_log(api, Log(said.pod, said.container, said.lines, said.follow))
        return _run(api, said.pod, said.container, said.argv)
    except OpsError as error:
        hint = f"  hint: {error.hint}\n" if error.hint else ""
        sys.stderr.write(f"error[{error.code}] {error.where}\n  {error.message}\n{hint}")
        return UNREACHED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # who reads us has enough
        return 141


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="opsctl-session")
    parser.add_argument("--context")
    parser.add_argument("--kubeconfig")
    parser.add_argument("-n", dest="namespace", required=True)
    kinds = parser.add_subparsers(dest="what", required=True)
    run, log = kinds.add_parser("exec"), kinds.add_parser("log")
    for each in (run, log):
        each.add_argument("pod")
        each.add_argument("container")
    run.add_argument("argv", nargs=argparse.REMAINDER)
    log.add_argument("--lines", type=int, default=100)
    log.add_argument("--follow", action="store_true")
    return parser


def _run(api: Api, pod: str, container: str, argv: Sequence[str]) -> int:
    screen = os.isatty(0) and os.isatty(1)
    stream = open_stream(api, pod, container, argv, tty=screen)
    with _raw() if screen else contextlib.nullcontext():
        if screen:
            _sized(stream)
            signal.signal(signal.SIGWINCH, lambda *_: _sized(stream))
        threading.Thread(target=_feed, args=(stream,), daemon=True).start()
        code, words = ended(_shown(stream))
    stream.close()
    if words:
        sys.stderr.write(f"{words}\n")
    return code if code >= 0 else UNREACHED


def _shown(stream: Stream) -> bytes:
    """Passes on what the program says; gives how it ended."""
    while True:
        found = stream.read(_QUIET)
        if found is None:
            stream.ping()
            continue
        channel, data = found
        if channel == ERROR:
            return data
        if channel in (STDOUT, STDERR):
            _write(channel, data)


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]


def _feed(stream: Stream) -> None:
    with contextlib.suppress(OpsError, OSError):  # the reader says how it ended
        while data := os.read(0, _CHUNK):
            stream.write(data)
        stream.end()


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Every key, Ctrl-C too, goes to the program over there."""
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def _sized(stream: Stream) -> None:
    size = os.get_terminal_size(0)
    with contextlib.suppress(OpsError):
        stream.resize(size.columns, size.lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
