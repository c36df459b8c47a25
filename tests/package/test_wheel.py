"""The wheel: built from what a clone has, installed beside its dependencies alone, used outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).resolve().parents[2]
DATA = ("alerts", "dashboards", "playbooks", "runbooks", "templates")
CLUSTER = """\
opsctl: 1
name: shop
targets:
  k8s: {kubernetes: {namespace: shop}}
services:
  sessions: {engine: redis, on: k8s, replicas: 3}
"""


@dataclass(frozen=True)
class Installed:
    """The wheel in an environment of its own, and an empty folder to work in."""

    environment: Path
    wheel: Path
    folder: Path

    def run(self, program: str, *arguments: str) -> str:
        """What a program of the environment prints, in a world that knows no checkout."""
        homes = {f"XDG_{name}_HOME": str(self.folder) for name in ("CACHE", "CONFIG", "STATE")}
        ended = subprocess.run(
            [str(self.environment / "bin" / program), *arguments],
            env={"PATH": os.defpath, "HOME": str(self.folder), **homes},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    top = tmp_path_factory.mktemp("wheel")
    wheel = build(clone(top / "clone"), top)
    shutil.rmtree(top / "clone")  # whatever it still needs of that is missing from here on
    folder = top / "somewhere"
    folder.mkdir()
    return Installed(install(wheel, top / "environment"), wheel, folder)


def clone(folder: Path) -> Path:
    """The files that git has or would take: no caches, and no folder that is empty."""
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def tracked(*below: str) -> list[str]:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *below]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in names.split("\0") if name and (ROOT / name).is_file()]


def pip(*arguments: str) -> None:
    """Nothing is fetched: what builds the wheel is in the checkout's environment."""
    call = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    ended = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def build(source: Path, into: Path) -> Path:
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    pip("wheel", "--quiet", *offline, "--wheel-dir", str(into), str(source))
    (wheel,) = into.glob("*.whl")
    return wheel


def install(wheel: Path, environment: Path) -> Path:
    """Into an empty environment; its dependencies are borrowed, and nothing besides them."""
    venv.create(environment)
    python = str(environment / "bin" / "python")
    offline = ("--no-deps", "--no-index", "--no-compile")
    pip("--python", python, "install", "--quiet", *offline, str(wheel))
    (site,) = environment.glob("lib/python*/site-packages")
    borrowed = environment / "dependencies"
    borrowed.mkdir()
    (opsctl,) = metadata.distributions(path=[str(site)])
    for path in dict.fromkeys(top_levels(dependencies(opsctl))):
        (borrowed / path.name).symlink_to(path)
    (site / "dependencies.pth").write_text(f"{borrowed}\n")
    return environment


def dependencies(first: metadata.Distribution) -> list[metadata.Distribution]:
    """What a distribution requires, and what that requires."""
    found: dict[str, metadata.Distribution] = {}
    waiting: list[tuple[metadata.Distribution, set[str]]] = [(first, set())]
    while waiting:
        distribution, extras = waiting.pop()
        for name, more in required(distribution.requires or (), extras):
            if name not in found:
                found[name] = metadata.distribution(name)
                waiting.append((found[name], more))
    return list(found.values())


def required(texts: Sequence[str], extras: set[str]) -> Iterator[tuple[str, set[str]]]:
    for requirement in map(Requirement, texts):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield requirement.name, requirement.extras


def top_levels(distributions: Sequence[metadata.Distribution]) -> Iterator[Path]:
    """Packages, modules and metadata, where they lie; programs in bin/ lie elsewhere."""
    for distribution in distributions:
        for file in distribution.files or ():
            if file.parts[0] not in ("..", "__pycache__"):
                yield Path(str(distribution.locate_file(file.parts[0])))


def test_the_wheel_carries_the_data_folders_and_the_specs_to_begin_with(
    installed: Installed,
) -> None:
    held = set(ZipFile(installed.wheel).namelist())
    for folder in DATA:
        names = tracked(f"docs/{folder}" if folder == "runbooks" else folder)
        inside = {f"opsctl/_data/{name.removeprefix('docs/')}" for name in names}
        assert inside, f"git keeps no empty folder: {folder}"
        assert inside <= held
    programs = tracked("opsctl/cli/starts", "opsctl/lab/kubernetes/parts")
    assert {*programs, "opsctl/py.typed"} <= held
    assert not any("__pycache__" in name or name.startswith("tests") for name in held)


def test_the_installed_command_is_the_wheels_own(installed: Installed) -> None:
    script = "import opsctl; print(opsctl.__file__)"
    assert Path(installed.run("python", "-c", script).strip()).is_relative_to(installed.environment)


def test_the_installed_command_starts_and_checks_a_spec_outside_the_checkout(
    installed: Installed,
) -> None:
    assert "next: opsctl validate" in installed.run("opsctl", "init", "--name", "shop")
    assert installed.run("opsctl", "validate").startswith("shop: valid")
    spec = yaml.safe_load(installed.run("opsctl", "render", "spec"))
    assert spec["services"]["sessions"]["mode"] == "sentinel"  # a default of the engine's
    schema = installed.run("opsctl", "schema")
    assert json.loads(schema)["$schema"]
    assert '"redis"' in schema
    assert '"valkey"' in schema


def test_the_installed_command_renders_with_the_templates_inside_it(installed: Installed) -> None:
    (installed.folder / "cluster.yaml").write_text(CLUSTER)
    installed.run("opsctl", "render", "kubernetes", "-f", "cluster.yaml", "manifests")
    written = "".join(path.read_text() for path in installed.folder.glob("manifests/**/*.yaml"))
    assert "min-replicas-to-write" in written


def test_the_installed_command_finds_all_its_data_inside_the_package(installed: Installed) -> None:
    script = (
        "from opsctl.data import folder; from opsctl.targets.hosts.bundle import bundle, playbooks;"
        f"bundle(); print(playbooks(), *map(folder, {DATA}), sep='\\n')"
    )
    found = installed.run("python", "-c", script).splitlines()
    assert {Path(path).name for path in found} == set(DATA)
    inside = {str(Path(path).parent) for path in found}
    assert len(inside) == 1
    assert inside.pop().endswith("site-packages/opsctl/_data")
