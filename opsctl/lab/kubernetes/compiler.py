"""The Go that builds: the machine's own, or the one that a go.mod asks for."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from opsctl.errors import Exit, OpsError
from opsctl.lab.commands import run

FETCHES = (1, 21)  # from here on Go itself fetches the newer Go that a go.mod asks for
FETCH_TIMEOUT = 900  # seconds; 7 were measured near a fast proxy
_TOOLS = ("bin/*", "pkg/tool/*/*")  # what has to be runnable; files of modules are not


def compiler(module: Path) -> Path:
    """The program that can build the module in this folder.

    A Go that is too old to fetch a newer one (Debian 12 has 1.19) is told to: newer ones get it
    from their proxy as a module like any other, checked like any other.
    Raises lab/missing-tool without Go, lab/command when the proxy can't be reached.
    """
    found = shutil.which("go")
    if found is None:
        raise OpsError(
            "lab/missing-tool",
            "Go is not installed",
            hint="apt-get install golang-go",
            exit=Exit.REFUSED,
        )
    said = run([found, "env", "GOVERSION"], what="asking Go for its version").stdout
    if go_version(said) >= FETCHES:
        return Path(found)
    return _fetched(found, wanted((module / "go.mod").read_text()))


def go_version(said: str) -> tuple[int, int]:
    """ "go1.26.1" as (1, 26); (0, 0) for what is no version."""
    found = re.search(r"go(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def wanted(mod: str) -> str:
    """The version that a go.mod asks for, such as 1.26.0."""
    found: list[str] = re.findall(r"(?m)^go (\S+)$", mod)
    return found[0]


def _fetched(go: str, version: str) -> Path:
    here = run([go, "env", "GOHOSTOS", "GOHOSTARCH"], what="asking Go where it runs").stdout
    module = f"golang.org/toolchain@v0.0.1-go{version}.{'-'.join(here.split())}"
    said = run(
        [go, "mod", "download", "-json", module],
        what=f"fetching Go {version}",
        timeout=FETCH_TIMEOUT,
        cwd=Path("/"),  # in no module: an old Go does not understand the go.mod of a new one
    )
    root = Path(json.loads(said.stdout)["Dir"])
    for tool in (file for pattern in _TOOLS for file in root.glob(pattern)):
        tool.chmod(0o755)
    return root / "bin" / "go"
