"""Three lab hosts with a Redis behind a floating address, driven by the opsctl command."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measuring import Failed
from opsctl.lab import Lab, LabSpec, find, up

NAME = "drills-soak"
OPSCTL = Path(__file__).resolve().parents[2] / ".venv" / "bin" / "opsctl"
LONGEST = 900.0  # seconds for any command
SPEC = """\
opsctl: 1
name: soak
drills: allowed
targets:
  dc: {{hosts: 'lab:{lab}'}}
services:
  sessions:
    engine: redis
    on: dc
    replicas: 3
    failover: {preset}
    memory: 64MiB
routes:
  sessions: {{to: sessions, vip: {vip}}}
"""


@dataclass
class Site:
    """The lab and opsctl's own folders for it."""

    lab: Lab
    folder: Path
    preset: str = field(default="", init=False)

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Raises Failed for what took too long, or did not succeed where `check`."""
        homes = {f"XDG_{one}_HOME": str(self.folder / one) for one in ("CACHE", "CONFIG", "STATE")}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("OPSCTL_")}
        try:
            ended = subprocess.run(
                [str(OPSCTL), *words], cwd=self.folder, env={**kept, **homes}, text=True,
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
        vip = ipaddress.ip_address(self.lab.hosts[0].address) + 170
        spec = SPEC.format(lab=NAME, preset=preset, vip=vip)
        (self.folder / "opsctl.yaml").write_text(spec)
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
def site(folder: Path) -> Iterator[Site]:
    """Fresh hosts, gone afterwards whatever happens."""
    old = find(NAME)
    if old is not None:
        old.down()
    lab = up(LabSpec(name=NAME, hosts=3, data_mib=256), progress=lambda _: None)
    try:
        yield Site(lab, folder)
    finally:
        lab.down()
