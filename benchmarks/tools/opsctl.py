"""opsctl of this checkout."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from benchmarks.environments import warm
from benchmarks.measuring import Done, Failed, timed
from benchmarks.tools.base import Way, close_masters
from benchmarks.world import MEMORY_MIB, SETTING, World

PORT = 6379


class Opsctl:
    """opsctl, with folders of its own for everything it keeps on this side."""

    name = "opsctl"
    state = "opsctl"
    ways: tuple[Way, ...] = (Way("opsctl plan", "plan"),)
    keeps_connections = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = Path(sys.executable).parent
        self._password = cache(self._shown)

    def install(self) -> str:
        warm(self.bin.parent)
        argv = [str(self.bin / "opsctl"), "version"]
        said = timed(argv, env=self._env(), cwd=self.folder, timeout=60).expect(0)
        return said.output.strip().splitlines()[0]

    def begin(self, world: World) -> None:
        """Another lock file, journal and cache; the root key stays."""
        for name in ("opsctl.lock", "cache", "state"):
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.write(world)
        if not (self.folder / "vault-password").exists():
            self._call(world, "secrets", "init").expect(0)

    def write(self, world: World) -> None:
        (self.folder / "opsctl.yaml").write_text(spec(world))

    def plan(self, world: World, way: Way) -> Done:
        done = self._call(world, way.option, "--exit-code")
        if done.code == 3:
            raise Failed(f"found changes where nothing is to do: {done.output.strip()[:300]}")
        return done.expect(0)

    def apply(self, world: World) -> Done:
        return self._call(world, "apply", "--yes", "--max-impact", "failover").expect(0)

    def values(self, world: World) -> set[int]:
        logins = {one.service: ("opsctl", self._password(one.service)) for one in world.members}
        return world.values(PORT, logins)

    def disconnect(self) -> None:
        close_masters(self.folder / "run" / "opsctl")

    def _shown(self, service: str) -> str:
        argv = [*self._argv, "secrets", "show", f"{service}/user/opsctl"]
        said = timed(argv, env=self._env(), cwd=self.folder, timeout=60).expect(0)
        return said.output.strip()

    @property
    def _argv(self) -> list[str]:
        return [str(self.bin / "opsctl"), "-f", "opsctl.yaml"]

    def _call(self, world: World, *words: str) -> Done:
        argv = [*self._argv, *words]
        return timed(argv, env=self._env(), cwd=self.folder, timeout=world.bound)

    def _env(self) -> Mapping[str, str]:
        run = self.folder / "run"  # holds ssh's sockets, whose paths must be short
        run.mkdir(mode=0o700, exist_ok=True)
        return {
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_RUNTIME_DIR": str(run),
        }


def spec(world: World) -> str:
    """What is wanted, in opsctl's words."""
    lines = [
        "opsctl: 1",
        "name: bench",
        f"targets: {{dc: {{hosts: 'lab:{world.lab.name}'}}}}",
        "secrets: {backend: file, path: secrets.yaml, password_file: vault-password}",
        "services:",
    ]
    for service in dict.fromkeys(one.service for one in world.members):
        hosts = [one.host for one in world.members if one.service == service]
        words = [
            "engine: redis",
            "on: dc",
            f"replicas: {len(hosts)}",
            f"place: {{hosts: [{', '.join(hosts)}]}}",
            f"memory: {MEMORY_MIB}MiB",
            f"settings: {{{SETTING}: {world.value}}}",
        ]
        lines.append(f"  {service}: {{{', '.join(words)}}}")
    return "\n".join(lines) + "\n"
