"""ansible-playbook as it is, and with mitogen's strategy."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.environments import HERE, environment, warm
from benchmarks.measuring import Done, Failed, timed
from benchmarks.tools.base import Way, close_masters
from benchmarks.world import PORT, World

CONVERGENCE = HERE / "convergence"


class Ansible:
    """ansible-playbook of opsctl's own environment: pipelined, ControlPersist, 20 forks."""

    name = "ansible-playbook"
    state = "playbook"
    ways: tuple[Way, ...] = (
        Way("ansible-playbook --check", "--check"),
        Way("ansible-playbook"),
    )
    keeps_connections = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = Path(sys.executable).parent

    def install(self) -> str:
        warm(self.bin.parent)
        return self._version()

    def _version(self) -> str:
        argv = [str(self.bin / "ansible-playbook"), "--version"]
        said = timed(argv, env=self._env(), cwd=CONVERGENCE, timeout=60).expect(0)
        found = re.search(r"core ([\d.]+)", said.output)
        return f"ansible-core {found[1] if found else '?'}"

    def begin(self, world: World) -> None:
        self.write(world)

    def write(self, world: World) -> None:
        world.write_inventory()

    def plan(self, world: World, way: Way) -> Done:
        done = self._play(world, *([way.option] if way.option else []))
        if changed := _changed(done.output):
            raise Failed(f"found {changed} changes where nothing is to do")
        return done

    def apply(self, world: World) -> Done:
        return self._play(world)

    def values(self, world: World) -> set[int]:
        login = ("ops", world.passwords["ops"])
        return world.values(PORT, {one.service: login for one in world.members})

    def disconnect(self) -> None:
        close_masters(self._sockets)

    @property
    def _sockets(self) -> Path:
        return self.folder / "cp"

    def _play(self, world: World, *options: str) -> Done:
        program = str(self.bin / "ansible-playbook")
        argv = [program, "-i", str(world.inventory_file), *options, "playbook.yml"]
        done = timed(argv, env=self._env(), cwd=CONVERGENCE, timeout=world.bound).expect(0)
        if done.output.count("unreachable=0    failed=0") != world.size:
            raise Failed("its recap does not count every host as done")
        return done

    def _env(self) -> Mapping[str, str]:
        return {
            "ANSIBLE_CONFIG": str(CONVERGENCE / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self._sockets),
        }


class Mitogen(Ansible):
    """The same playbook, run by mitogen's strategy, from an environment of its own."""

    name = "mitogen"
    ways: tuple[Way, ...] = (Way("mitogen"),)
    keeps_connections = False  # its connections end with the command

    def install(self) -> str:
        place = environment("mitogen")
        warm(place)
        self.bin = place / "bin"
        (found,) = place.glob("lib/python*/site-packages/mitogen-*.dist-info")
        version = found.name.split("-")[1].removesuffix(".dist")
        return f"mitogen {version} with {self._version()}"

    def _env(self) -> Mapping[str, str]:
        plugins = [str(path) for path in self.bin.parent.glob("lib/*/*/ansible_mitogen/plugins")]
        strategy = {
            "ANSIBLE_STRATEGY_PLUGINS": f"{plugins[0]}/strategy",
            "ANSIBLE_STRATEGY": "mitogen_linear",
        }
        return {**super()._env(), **(strategy if plugins else {})}


def _changed(output: str) -> int:
    return sum(int(number) for number in re.findall(r" changed=(\d+) ", output))
