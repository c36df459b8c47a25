"""Where drills are measured: lab hosts or a lab cluster with a Redis, driven by opsctl."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measuring import Failed
from opsctl.lab import Lab, LabSpec, find, kubernetes, up

NAME = "drills-soak"  # of the lab, here and in a cluster
OPSCTL = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "opsctl"
LONGEST = 900.0  # seconds for any command
SPEC = """\
opsctl: 1
name: soak
drills: allowed
targets:
  dc: {target}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: {preset}
    memory: 64MiB
routes:
  sessions: {{to: sessions{entry}}}
"""


@dataclass
class Site:
    """The lab, opsctl's own folders for it, the spec but for its preset, and what opsctl is told
    by its surroundings."""

    lab: Lab
    folder: Path
    spec: Callable[[str], str]
    told: Mapping[str, str] = field(default_factory=dict)
    preset: str = field(default="", init=False)

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Raises Failed for what took too long, or did not succeed where `check`."""
        homes = {f"XDG_{one}_HOME": str(self.folder / one) for one in ("CACHE", "CONFIG", "STATE")}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("OPSCTL_")}
        told = {**kept, **homes, **self.told}
        try:
            ended = subprocess.run(
                [str(OPSCTL), *words], cwd=self.folder, env=told, text=True,
                capture_output=True, timeout=LONGEST, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Failed(f"opsctl {words[0]} took longer than {LONGEST:g} s") from None
        if check and ended.returncode:
            raise Failed(f"opsctl {' '.join(words)}: {ended.stderr[-600:]}")
        return ended

    def use(self, preset: str) -> None:
        """Builds the service with this preset, unless it stands so already."""
        if preset == self.preset:
            return
        (self.folder / "opsctl.yaml").write_text(self.spec(preset))
        if not self.preset:
            self.run("secrets", "init")
        self.apply()
        self.preset = preset

    def apply(self) -> None:
        self.run("apply", "--yes", "--max-impact", "failover")

    def drill(self, *words: str) -> Mapping[str, Any]:
        """The report. Raises Failed where there is none."""
        agreed = ("--yes", "--environment", "soak", "--output", "json")
        ended = self.run("drill", "run", *words, *agreed, check=False)
        said = json.loads(ended.stdout) if ended.stdout.strip() else {}
        if "verdict" not in said:
            raise Failed(f"exit {ended.returncode}: {ended.stderr.strip()[-400:]}")
        if ended.returncode not in (0, 3):
            raise Failed(f"not whole afterwards: {ended.stderr.strip()[-400:]}")
        return dict(said)

    def primary(self) -> tuple[str, str]:
        """(member, host) of the primary."""
        status = json.loads(self.run("status", "--output", "json", check=False).stdout)
        for service in status["services"]:
            for member in service["members"] if service["name"] == "sessions" else ():
                if any(one.get("role") == "primary" for one in member["components"]):
                    return member["name"], str(member["where"]).partition("/")[2]
        raise Failed("no member is primary")


@contextmanager
def hosts(folder: Path) -> Iterator[Site]:
    """Three fresh hosts and a floating address, gone afterwards whatever happens."""
    old = find(NAME)
    if old is not None:
        old.down()
    lab = up(LabSpec(name=NAME, hosts=3, data_mib=256), progress=lambda _: None)
    vip = ipaddress.ip_address(lab.hosts[0].address) + 170
    told = {"target": f"{{hosts: 'lab:{NAME}'}}", "entry": f", vip: {vip}"}
    with _removed(lab):
        yield Site(lab, folder, lambda preset: SPEC.format(preset=preset, **told))


@contextmanager
def cluster(folder: Path) -> Iterator[Site]:
    """A fresh cluster of four nodes and a balancer on each, gone afterwards."""
    made = kubernetes.up(NAME, progress=lambda _: None)
    tolerated = "[{key: node-role.kubernetes.io/control-plane, operator: Exists}]"
    told = {"target": f"{{kubernetes: {{tolerations: {tolerated}}}}}", "entry": ""}
    known = {"KUBECONFIG": str(made.kubeconfig)}
    with _removed(made.lab):
        yield Site(made.lab, folder, lambda preset: SPEC.format(preset=preset, **told), known)


@contextmanager
def _removed(lab: Lab) -> Iterator[None]:
    try:
        yield
    finally:
        lab.down()
