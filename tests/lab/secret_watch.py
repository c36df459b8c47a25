"""Looks for secrets where none may be: in files, in outputs, in what processes show."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from lab_site import Site

Found = tuple[str, str]  # where, which secret


def forms(value: str) -> tuple[bytes, ...]:
    """The value, in hexadecimal, and inside anything that was put into base64 around it."""
    plain = value.encode()
    found = [plain, plain.hex().encode()]
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + plain).rstrip(b"=")
        whole = text[(0, 2, 3)[shift] : len(text) - 1]
        found += [whole, whole.translate(bytes.maketrans(b"+/", b"-_"))]
    return tuple(dict.fromkeys(found))


class Needles:
    """Secrets by name, in every form that is looked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.forms = {name: forms(value) for name, value in values.items()}

    def found_in(self, text: bytes) -> set[str]:
        return {name for name, several in self.forms.items() if any(one in text for one in several)}

    def in_files(self, *tops: Path, without: Iterable[str] = ()) -> dict[str, set[str]]:
        """By path: the secrets in the files below `tops`."""
        found = {}
        for path in _files(tops):
            if not any(part in str(path) for part in without):
                names = self.found_in(_read(path))
                if names:
                    found[str(path)] = names
        return found


class Watch:
    """Looks at every process of this machine, lab hosts' included, and at Ansible's folders, over
    and over while the block runs. `allowed` are processes that were given secrets to hold."""

    def __init__(self, needles: Needles, folders: Iterable[str] = ("opsctl-", "ansible")) -> None:
        self.needles = needles
        self.found: set[Found] = set()
        self.programs: set[str] = set()
        self.files: set[str] = set()
        self.allowed: set[int] = {os.getpid()}
        self._folders = tuple(folders)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._looks: dict[str, int] = {}
        self._seen_files: set[tuple[str, int, int]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(30)
        self._look(everything=True)

    def _watch(self) -> None:
        while not self._ended.wait(0.004):
            self._look()

    def _look(self, *, everything: bool = False) -> None:
        for pid in (path.name for path in Path("/proc").glob("[0-9]*")):
            if int(pid) in self.allowed:
                continue
            # A process shows other words after its exec: so it is looked at again while young.
            self._looks[pid] = self._looks.get(pid, 0) + 1
            if everything or self._looks[pid] < 8 or self._looks[pid] % 50 == 0:
                self._process(pid)
        for folder in Path("/tmp").iterdir():
            if folder.name.startswith(self._folders):
                for path in _files([folder]):
                    self._file(path)

    def _process(self, pid: str) -> None:
        words = _read(Path(f"/proc/{pid}/cmdline"))
        self.programs.update(
            word.rpartition(b"/")[2].decode(errors="replace") for word in words.split(b"\0")[:3]
        )
        for name in ("cmdline", "environ"):
            text = words if name == "cmdline" else _read(Path(f"/proc/{pid}/environ"))
            for secret in self.needles.found_in(text):
                # The program and its script: of what comes behind them some is secret.
                shown = b" ".join(words.split(b"\0")[:2]).decode(errors="replace")
                self.found.add((f"{name} of {shown}", secret))

    def _file(self, path: Path) -> None:
        try:
            about = path.stat()
        except OSError:
            return
        version = (str(path), about.st_size, about.st_mtime_ns)
        if version in self._seen_files:
            return
        self._seen_files.add(version)
        self.files.add(str(path))
        for secret in self.needles.found_in(_read(path)):
            self.found.add((str(path), secret))


def _files(tops: Iterable[Path]) -> Iterator[Path]:
    for top in tops:
        for folder, _, names in os.walk(top):
            for name in names:
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    yield path


def _read(path: Path) -> bytes:
    """What is there; nothing if it went away, as files and processes do."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


# Runs on a host, with the forms on standard input. Files older than opsctl's work can't hold them.
_SEARCH = r"""
import json, os, subprocess, sys

asked = json.loads(sys.stdin.readline())
forms = asked["forms"].items()
needles = {name: [bytes.fromhex(one) for one in several] for name, several in forms}

def names(text):
    return sorted(name for name, several in needles.items() if any(one in text for one in several))

found = []
for top in ("/etc", "/var", "/run", "/root", "/home", "/tmp", "/usr/local", "/srv", "/opt"):
    for folder, _, files in os.walk(top):
        for path in (os.path.join(folder, name) for name in files):
            try:
                about = os.lstat(path)
                old = about.st_mtime < asked["since"]
                if old or not os.path.isfile(path) or about.st_size > 1 << 27:
                    continue
                with open(path, "rb") as file:
                    held = names(file.read())
            except OSError:
                continue
            if held:
                found.append([path, about.st_mode & 0o777, held])
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("cmdline", "environ"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                held = names(file.read())
        except OSError:
            continue
        if held:
            found.append([f"/proc/{pid}/{name}", 0, held])
log = subprocess.run(["journalctl", "--all", "-o", "export", "--no-pager"], capture_output=True)
assert len(log.stdout) > 10000, log.stderr
if held := names(log.stdout):
    found.append(["journald", 0, held])
print(json.dumps(found))
"""


def on_host(
    site: Site, host: str, needles: Needles, since: float
) -> dict[str, tuple[int, set[str]]]:
    """By path: mode and secrets of everything on a host, its log and processes included."""
    forms = {name: [one.hex() for one in several] for name, several in needles.forms.items()}
    asked = json.dumps({"forms": forms, "since": since})
    # The program is no secret, so it may stand in argv; what it looks for comes behind it.
    found = json.loads(site.on(host, "python3", "-c", _SEARCH, text=asked + "\n", timeout=120))
    return {path: (mode, set(names)) for path, mode, names in found}
