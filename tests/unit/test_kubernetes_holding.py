"""A hold in a pod ends by itself: its script, run by this machine's shell as by a container's."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsctl.model import Kubernetes
from opsctl.targets.kubernetes import KubernetesTarget
from opsctl.targets.kubernetes.holding import HOLD, SCRIPT
from opsctl.targets.kubernetes.site import RUN, STORE, Payload
from opsctl.workload import Hold, Pin
from toy import NEEDS, Keys, options, workload

PATIENCE = 30.0  # seconds


class Pod:
    """The folders of a container, and what a server that can be held would say."""

    def __init__(self, folder: Path, *, store: bool) -> None:
        self.run, self.store = folder / "run", folder / "store"
        self.run.mkdir()
        if store:
            self.store.mkdir()
        self.script = folder / "hold.sh"
        text = HOLD.replace(RUN, str(self.run)).replace(STORE, str(self.store))
        self.script.write_text(text)
        self.state = folder / "state"
        self.hold, self.release = f"echo held > {self.state}", f"echo free > {self.state}"

    def tell(self, *words: str) -> int:
        call = ["sh", str(self.script), words[0], "server", *words[1:]]
        return subprocess.run(call, timeout=PATIENCE, check=False).returncode

    def begin(self, seconds: int, release: str = "") -> int:
        return self.tell("begin", str(seconds), self.hold, release or self.release)

    @property
    def says(self) -> str:
        return self.state.read_text().strip() if self.state.exists() else ""

    @property
    def kept(self) -> bool:
        return any((folder / "hold-server").exists() for folder in (self.run, self.store))

    def dies(self) -> None:
        """As at the end of a container, which takes its watcher with it."""
        watcher = int((self.run / "hold-server.watcher").read_text())
        # On a slow machine its time may be over by now, and it with it.
        with suppress(ProcessLookupError):
            os.killpg(watcher, signal.SIGKILL)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)


@pytest.fixture(params=[True, False], ids=["volume", "no volume"])
def pod(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pod]:
    made = Pod(tmp_path, store=request.param)
    yield made
    if made.kept:
        made.tell("end")


def test_a_hold_ends_by_itself_and_leaves_nothing(pod: Pod) -> None:
    assert pod.begin(2) == 0
    assert (pod.says, pod.kept) == ("held", True)
    until(lambda: pod.says == "free" and not pod.kept)


def test_it_ends_at_once_when_told_and_twice_is_no_harm(pod: Pod) -> None:
    assert pod.begin(600) == 0
    assert pod.tell("end") == 0
    assert (pod.says, pod.kept) == ("free", False)
    assert pod.tell("end") == 0


def test_a_hold_that_is_made_longer_has_one_end(pod: Pod) -> None:
    assert pod.begin(1) == 0
    assert pod.begin(600) == 0
    first, second = pod.says, pod.kept
    assert (first, second) == ("held", True)
    file = (pod.store if pod.store.exists() else pod.run) / "hold-server"
    assert int(file.read_text().splitlines()[0]) > time.time() + 500


def test_a_container_that_starts_again_goes_on_holding_and_ends_it(pod: Pod) -> None:
    assert pod.begin(3) == 0
    pod.dies()
    assert pod.tell("resume") == 0
    until(lambda: pod.says == "free" and not pod.kept)


def test_a_start_without_a_hold_is_an_ordinary_start(pod: Pod) -> None:
    assert pod.tell("resume") == 0
    assert (pod.says, pod.kept) == ("", False)


def test_a_release_that_fails_is_tried_again(pod: Pod) -> None:
    ready = pod.run / "ready"
    assert pod.begin(1, f"test -e {ready} && {pod.release}") == 0
    assert pod.tell("end") != 0
    assert pod.kept
    ready.touch()
    until(lambda: pod.says == "free" and not pod.kept)


def manifests(hold: Hold) -> dict[str, Any]:
    """What is made for sessions-0, by kind."""
    Kubernetes.model_rebuild()
    place = KubernetesTarget("prod", Kubernetes(), "shop", Keys())
    seats = place.seat({"sessions": (options(), NEEDS)}, {})["sessions"]
    made = place.realise([replace(workload(seats), hold=hold)], {"sessions": options()})
    payloads = (one.payload for one in made if one.id.name == "sessions-0")
    return {one.manifest["kind"]: one.manifest for one in payloads if isinstance(one, Payload)}


def hooks(found: dict[str, Any]) -> dict[str, list[str]]:
    """By container, what its start runs."""
    containers = found["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    return {
        one["name"]: one["lifecycle"]["postStart"]["exec"]["command"]
        for one in containers
        if "postStart" in one.get("lifecycle", {})
    }


def test_only_a_process_that_can_be_held_looks_for_a_hold_when_it_starts() -> None:
    plain = manifests(Hold())
    assert (hooks(plain), SCRIPT in plain["ConfigMap"]["data"]) == ({}, False)
    name = plain["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]["name"]
    pin = Pin("sessions-0", name, ("hold",), ("release",))
    found = manifests(Hold((pin, replace(pin, member="sessions-1"))))
    assert found["ConfigMap"]["data"][SCRIPT] == HOLD
    assert hooks(found) == {name: ["sh", "/opsctl/files/opsctl.hold.sh", "resume", name]}
