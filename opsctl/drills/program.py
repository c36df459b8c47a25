"""The client as one text, to be run by any Python 3.11 that has nothing but its library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from opsctl.drills import client
from opsctl.errors import OpsError

PYTHON = "/usr/bin/python3"
_ROOM = "opsctl.drills.client"
_PARTS = ("core", "ledger", "line", "writer", "reading", "main", "resp")
_LOADER = """\
import sys, types

def _load(name, text):
    module = sys.modules[name] = types.ModuleType(name)
    parent, _, leaf = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], leaf, module)
    exec(compile(text, name, "exec"), module.__dict__)
    return module

for _name in ("opsctl", "opsctl.drills", "{room}"):
    _load(_name, "").__path__ = []
for _name, _text in SOURCES:
    _last = _load("{room}." + _name, _text)
sys.modules["{room}.main"].main(_last.connect)
"""

# Reads the program itself from standard input, so that it is in nobody's argument list and has no
# length that a shell or an address line could refuse. What follows it there are its settings.
_BOOTSTRAP = "import sys;exec(sys.stdin.read(int(sys.stdin.readline())))"
ARGV = (PYTHON, "-IS", "-c", _BOOTSTRAP)


def program(scheme: str) -> str:
    """The client for routes of `scheme`, such as "redis", as one self-contained source text.

    It reads its settings, one line of JSON, from standard input. Raises OpsError when no client
    speaks the scheme.
    """
    folder = Path(client.__file__).parent
    names = (*_PARTS, f"{scheme}_writer")
    if not (folder / f"{names[-1]}.py").is_file():
        raise OpsError(
            "drills/no-client",
            f"no drill client speaks {scheme}",
            hint="drills know: " + ", ".join(schemes()),
        )
    sources = [(name, (folder / f"{name}.py").read_text(encoding="utf-8")) for name in names]
    listed = ",\n".join(f"({name!r}, {text!a})" for name, text in sources)
    return f"SOURCES = [\n{listed},\n]\n" + _LOADER.replace("{room}", _ROOM)


def schemes() -> tuple[str, ...]:
    """What routes a client can be had for."""
    found = Path(client.__file__).parent.glob("*_writer.py")
    return tuple(sorted(path.name.removesuffix("_writer.py") for path in found))


def message(scheme: str, settings: Mapping[str, object]) -> str:
    """What goes to the standard input of `ARGV`: the program and its settings, password and all."""
    source = program(scheme)
    return f"{len(source)}\n{source}{json.dumps(dict(settings))}\n"
