# mypy: ignore-errors
# ruff: noqa: ARG002
"""Runs first on the host: makes the package importable from memory, then answers the request.

`source` (compressed JSON: module name -> text) and `request` are set by the bootstrap. Where the
first change has made /run/opsctl/agent, the compiled program is kept there by its digest: compiling
costs more than all else in a look.
"""

import marshal
import os
import sys
import zlib
from importlib.machinery import ModuleSpec

PACKAGE = "opsctl_host"
FOLDER = "/run/opsctl/agent"


def compiled(source, digest):
    """Code objects by module name; from the folder only if it is the caller's alone."""
    kept = f"{FOLDER}/{digest}-{sys.hexversion:x}"
    try:
        found = os.stat(FOLDER)
        ours = found.st_uid == os.geteuid() and not found.st_mode & 0o077
    except OSError:
        ours = False
    if ours:
        try:
            with open(kept, "rb") as file:
                return marshal.load(file)
        except (OSError, ValueError, EOFError):
            pass
    import json

    texts = json.loads(zlib.decompress(source))
    code = {name: compile(text, name, "exec", dont_inherit=True) for name, text in texts.items()}
    if ours:
        draft = f"{kept}.{os.getpid()}"
        with open(draft, "wb") as file:
            marshal.dump(code, file)
        os.rename(draft, kept)
    return code


class Bundle:
    """A finder and loader of the package's modules."""

    def __init__(self, code):
        self.code = code

    def find_spec(self, name, path=None, target=None):
        if name in self.code:
            return ModuleSpec(name, self, is_package=name == PACKAGE)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.code[module.__name__], module.__dict__)


def start(source, digest, request):
    sys.meta_path.insert(0, Bundle(compiled(source, digest)))
    from opsctl_host import agent

    agent.main(request)
