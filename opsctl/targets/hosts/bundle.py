"""The host's program: playbooks/module_utils/opsctl_host, packed to be sent on standard input."""

from __future__ import annotations

import hashlib
import json
import shlex
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import opsctl
from opsctl.errors import OpsError

PYTHON = "/usr/bin/python3"
# Whatever sudo leaves of its password line comes first; then "opsctl LOADER SOURCE DIGEST", those
# two, and the request, which may come later and ends with the input.
_BOOTSTRAP = (
    "import sys,zlib;r=sys.stdin.buffer;l=r.readline()\n"
    "while l and not l.startswith(b'opsctl '):l=r.readline()\n"
    "_,a,b,c=l.split()\n"
    "exec(zlib.decompress(r.read(int(a))))\n"
    "start(r.read(int(b)),c.decode(),r.read)"
)
COMMAND = f"{PYTHON} -IS -c {shlex.quote(_BOOTSTRAP)}"


@dataclass(frozen=True, slots=True)
class Bundle:
    loader: bytes  # compressed source
    source: bytes  # compressed JSON: module name -> text
    digest: str

    @property
    def program(self) -> bytes:
        """What goes to the program's standard input before the request."""
        sizes = f"{len(self.loader)} {len(self.source)}"
        return f"opsctl {sizes} {self.digest}\n".encode() + self.loader + self.source


def playbooks() -> Path:
    """The folder of the Ansible side: in the wheel, or beside the package in a checkout."""
    package = Path(opsctl.__file__).parent
    for folder in (package / "_data" / "playbooks", package.parent / "playbooks"):
        if folder.is_dir():
            return folder
    raise OpsError("hosts/installation", "opsctl's playbooks folder is missing", hint="reinstall")


@cache
def bundle() -> Bundle:
    folder = playbooks() / "module_utils" / "opsctl_host"
    texts = {path.stem: path.read_text() for path in sorted(folder.glob("*.py"))}
    loader = texts.pop("loader").encode()
    modules = {
        "opsctl_host" if name == "__init__" else f"opsctl_host.{name}": text
        for name, text in texts.items()
    }
    plain = json.dumps(modules).encode()
    digest = hashlib.sha256(plain + loader).hexdigest()[:24]
    return Bundle(zlib.compress(loader, 9), zlib.compress(plain, 6), digest)
