"""pyinfra 3, in an environment of its own."""

from __future__ import annotations

import re
from itertools import takewhile
from pathlib import Path

from benchmarks.environments import HERE, environment, warm
from benchmarks.measuring import Done, Failed, timed
from benchmarks.tools.base import Way
from benchmarks.world import PORT, World

CONVERGENCE = HERE / "convergence"


class Pyinfra:
    """pyinfra over paramiko, all hosts at once, as it comes."""

    name = "pyinfra"
    state = "playbook"
    ways: tuple[Way, ...] = (Way("pyinfra --dry", "--dry"), Way("pyinfra", "-y"))
    keeps_connections = False  # its connections end with the command

    def __init__(self) -> None:
        self.program = Path("pyinfra")

    def install(self) -> str:
        place = environment("pyinfra")
        warm(place)
        self.program = place / "bin/pyinfra"
        argv = [str(self.program), "--version"]
        said = timed(argv, env={}, cwd=CONVERGENCE, timeout=60).expect(0)
        return said.output.strip().replace(": v", " ")

    def begin(self, world: World) -> None:
        self.write(world)

    def write(self, world: World) -> None:
        world.write_inventory()

    def plan(self, world: World, way: Way) -> Done:
        done = self._run(world, way.option)
        if changed := changes(done.output):
            raise Failed(f"found {changed} changes where nothing is to do")
        return done

    def apply(self, world: World) -> Done:
        return self._run(world, "-y")

    def values(self, world: World) -> set[int]:
        login = ("ops", world.passwords["ops"])
        return world.values(PORT, {one.service: login for one in world.members})

    def disconnect(self) -> None:
        """Nothing is kept."""

    def _run(self, world: World, option: str) -> Done:
        argv = [str(self.program), option, "inventory.py", "deploy.py"]
        env = {"BENCH_INVENTORY": str(world.inventory_file)}
        return timed(argv, env=env, cwd=CONVERGENCE, timeout=world.bound).expect(0)


def changes(output: str) -> int:
    """How many changes were made, or how many operations --dry announces. Raises Failed.

    Conditional ones do not count: they follow a change, and there is none.
    """
    if total := re.search(r"Grand total +\d+ +(\S+) ", output):
        return int(total[1]) if total[1].isdecimal() else 0
    lines = iter(output.splitlines())
    column = next((at for line in lines if (at := line.find(" Change ")) > 0), None)
    if column is None:
        raise Failed("its output has no table of changes")
    cells = (line[column:].split()[:1] for line in takewhile(str.strip, lines))
    return sum(cell != ["-"] for cell in cells)
