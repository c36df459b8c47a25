"""How a drill goes: the client is served, the fault strikes, the client ends, the logs are read."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from opsctl.drills.program import ARGV, message
from opsctl.drills.report import Report, Subject, report
from opsctl.drills.strikes import Scene, beforehand, strike
from opsctl.drills.telling import headline
from opsctl.drills.timeline import Event, merged
from opsctl.errors import OpsError
from opsctl.flow import drill_client, witnesses
from opsctl.flow.by_plan import hand_over, operation
from opsctl.flow.drill_client import DrillClient
from opsctl.flow.staging import Drill, scene_of
from opsctl.flow.striking import BOOT, Blows
from opsctl.planning.plan import Step
from opsctl.ports import Secrets, Target
from opsctl.ports.process import Running, Start
from opsctl.running.context import Context, Service
from opsctl.workload import Endpoint, Seat

VERDICT = "verdict"  # of the record that ends the run


class Conductor:
    """Conducts one drill: `perform` is its step; `report` is there when it came to its end."""

    def __init__(self, drill: Drill, endpoint: Endpoint, secrets: Secrets, start: Start) -> None:
        self._drill, self._endpoint = drill, endpoint
        self._secrets, self._start = secrets, start
        self.report: Report | None = None

    def perform(self, step: Step, context: Context) -> None:
        """Raises OpsError when there is no result; whatever was struck is undone by then."""
        drill = self._drill
        here, pool = context.service(drill.lane.service), context.service(drill.pool)
        target = here.target
        began = time.time()
        scene = self._scene(here, pool)
        if member := beforehand(drill.fault, scene):
            hand_over(here, member)
            scene = self._scene(here, pool)
        strike(drill.fault, scene, drill.id, drill.seconds)  # refused before anybody writes
        address = drill.lane.host or target.address(scene.beside[0])
        running = self._running(target, scene, address)
        try:
            client = DrillClient(running, context.stop)
            context.say("a client writes until it is served steadily", step=step.id)
            client.await_ready()
            struck = tuple(self._struck(client, here, pool))
            lasted = self._lasted(struck)
            context.say("the client goes on until it is served again", step=step.id)
            document = client.document()
        finally:
            running.stop()
        clocks = witnesses.clocks(target)
        said = witnesses.told(target, (here.workload, pool.workload), began)
        ahead = clocks[scene.client].ahead if scene.client in clocks else 0.0
        self.report = report(
            drill.id, self._subject(address), drill.fault, document,
            merged((*struck, *said), clocks), drill.slo, ahead=ahead, seconds=lasted,
            can_lose_nothing=drill.can_lose_nothing,
        )  # fmt: skip
        context.outcome[VERDICT] = headline(self.report)

    def _scene(self, here: Service, pool: Service) -> Scene:
        standings = (here.standings(), pool.standings())
        return scene_of(self._drill, here.target, here.workload, pool.workload, *standings)

    def _struck(self, client: DrillClient, here: Service, pool: Service) -> Iterator[Event]:
        """Strikes, and waits until it is over: what lasts has ended, hosts are back."""
        drill, context = self._drill, here.context
        if drill.fault.kind == "operation":
            act = operation(drill.fault.operation, here)
            yield Event(time.time(), "", "strike", drill.fault.words)
            act()
            return
        scene = self._scene(here, pool)
        strikes = strike(drill.fault, scene, drill.id, drill.seconds)
        seats = _by_member((*scene.beside, *scene.seats))
        blows = Blows(here.target, here.fence, seats, strikes, drill.seconds)
        for one in strikes:
            context.say(f"now, on {one.node}", where=one.member)
        begun = context.monotonic()
        try:
            yield from blows.strike()
            if any(one.restarts for one in strikes):
                _await_back(blows, client, context)
            else:
                client.go_on(drill.seconds - (context.monotonic() - begun))
        finally:
            _undo(blows, context)

    def _lasted(self, struck: Sequence[Event]) -> float:
        """Seconds: as told, but hosts are away until they answer."""
        if self._drill.fault.kind != "kill-host":
            return self._drill.seconds
        return round(time.time() - struck[0].at, ndigits=1)

    def _running(self, target: Target, scene: Scene, address: str) -> Running:
        drill, endpoint = self._drill, self._endpoint
        lane = drill.lane
        settings = {
            "host": address,
            "port": lane.port,
            "run": drill.id,
            "user": endpoint.user,
            "password": self._secrets.value(endpoint.password) or "",
            "mode": "read" if lane.entry.role == "replica" else "write",
            **drill_client.settings(drill.outage),
        }
        seats = (*scene.beside, *scene.seats)  # beside what is restarted, rather than in it
        argv = target.beside(_on(scene.client, seats), ARGV) if scene.client else ARGV
        return self._start(argv, message(lane.entry.scheme, settings))

    def _subject(self, address: str) -> Subject:
        drill = self._drill
        lane = drill.lane
        return Subject(
            drill.environment,
            lane.service,
            lane.entry.scheme,
            drill.target,
            f"{lane.name} ({address}:{lane.port})",
            drill.by,
        )


def _await_back(blows: Blows, client: DrillClient, context: Context) -> None:
    """Until the hosts that fell answer. Without one that stays away there is a result as well."""
    deadline = context.monotonic() + BOOT
    context.say("waiting until the hosts are back")
    while not blows.back():
        if context.monotonic() > deadline:
            context.say(f"not back after {BOOT:g} s: " + ", ".join(s.node for s in blows.strikes))
            return
        client.go_on(1.0)


def _undo(blows: Blows, context: Context) -> None:
    try:
        blows.undo()
    except OpsError as error:  # the hosts' own timers do it
        context.say(f"could not end the fault before its time: {error.message}")


def _by_member(seats: Iterable[Seat]) -> Mapping[str, Seat]:
    return {seat.member: seat for seat in seats}


def _on(node: str, seats: Iterable[Seat]) -> Seat:
    return next(seat for seat in seats if seat.node == node)
