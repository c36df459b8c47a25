"""A fault and a service as it stands: what is struck where. Pure; roles are those observed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from opsctl.drills import packets, scripts
from opsctl.drills.faults import OF_PODS, Fault
from opsctl.errors import Exit, OpsError
from opsctl.ports import SIGNAL, START
from opsctl.workload import Seat, Standings, Text


@dataclass(frozen=True, slots=True)
class Scene:
    """The service when the fault is about to strike.

    `seats` are its members', `beside` those of others who serve it, such as balancers. `holders`
    are members that hold `address`, the floating one that clients use. `client` is the node the
    client runs on.
    """

    standings: Standings
    seats: tuple[Seat, ...]
    beside: tuple[Seat, ...] = ()
    holders: tuple[str, ...] = ()
    client: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Strike:
    """What is run on one host, by /bin/sh as root. `undo` ends it before its time.

    `words` say what happens there. `component` is what a word of `ports` means in a script; ""
    where none does.
    `restarts`: the host goes down while the script runs, so a connection lost is no failure.
    """

    node: str
    member: str
    component: str
    words: str
    script: Text
    undo: Text
    restarts: bool = False
    takes: Literal["", "delete", "evict"] = ""  # a pod, and how; no script is run


def strike(fault: Fault, scene: Scene, drill: str, seconds: float = 0.0) -> tuple[Strike, ...]:
    """The strikes of `fault`, all at once. `drill` names the undo: letters and digits, no dash.

    An operation has none: it is a plan. Raises OpsError when there is nothing to strike, or more
    would be struck than the fault says.
    """
    if fault.kind == "operation":
        return ()
    if not drill.isalnum():
        raise OpsError("drills/name", f"{drill} is no name for a drill")
    lasting = seconds or fault.seconds
    struck = _one_per_node(_selected(fault, scene))
    if fault.select in ("entry", "primary-and-entry"):
        _leaves_a_majority(scene, struck)
    return tuple(_strike(fault, scene, drill, lasting, each, struck) for each in struck)


def beforehand(fault: Fault, scene: Scene) -> str:
    """The member that must become primary first: one on the address's host where both are struck,
    one elsewhere where the address's host alone is. "" where none need, or none sits there. Raises
    drills/no-majority."""
    if fault.select not in ("entry", "primary-and-entry"):
        return ""
    holders = _holders(scene)
    here = {each.seat.node for each in holders}
    together = fault.select == "primary-and-entry"
    if (_primary(scene).seat.node in here) == together:
        return ""
    _leaves_a_majority(scene, holders)
    return next((seat.member for seat in scene.seats if (seat.node in here) == together), "")


def primary_node(scene: Scene) -> str:
    """Raises drills/primary when there is not one."""
    return _primary(scene).seat.node


@dataclass(frozen=True, slots=True)
class _Target:
    seat: Seat
    component: str = ""


def _selected(fault: Fault, scene: Scene) -> tuple[_Target, ...]:
    if fault.select == "all":
        return tuple(_Target(seat) for seat in (*scene.seats, *scene.beside))
    if fault.select == "entry":
        return _holders(scene)
    primary = _primary(scene)
    if fault.select == "primary-and-entry":
        return (primary, *_holders(scene))
    if fault.select == "client-side":
        return _client_side(scene, primary)
    return (primary,)


def _primary(scene: Scene) -> _Target:
    """Exactly one, or a drill would break a service that is broken already."""
    seats = {seat.member: seat for seat in scene.seats}
    found = [
        _Target(seats[member], component)
        for (member, component), standing in sorted(scene.standings.items())
        if standing.role == "primary" and member in seats
    ]
    if len(found) != 1:
        names = ", ".join(each.seat.member for each in found) or "none"
        raise OpsError(
            "drills/primary",
            f"one primary is wanted, there is {names}",
            hint="opsctl status shows how the members stand",
            exit=Exit.REFUSED,
        )
    return found[0]


def _holders(scene: Scene) -> tuple[_Target, ...]:
    seats = {seat.member: seat for seat in (*scene.beside, *scene.seats)}
    found = tuple(_Target(seats[member]) for member in scene.holders if member in seats)
    if not found:
        raise OpsError(
            "drills/no-entry",
            "no balancer holds an address of this service's route",
            hint="this fault needs a route with a floating address",
            exit=Exit.REFUSED,
        )
    return found


def _leaves_a_majority(scene: Scene, struck: Sequence[_Target]) -> None:
    """A fault that means a balancer may not take what elects with it: that is another fault."""
    nodes = {each.seat.node for each in struck}
    gone = [seat.member for seat in scene.seats if seat.node in nodes]
    if len(gone) * 2 >= len(scene.seats):
        raise OpsError(
            "drills/no-majority",
            f"{len(gone)} of {len(scene.seats)} members ({', '.join(gone)}) would go down with "
            f"{' and '.join(sorted(nodes))}: who is left can't elect",
            hint="more members, or balancers on hosts of their own",
            exit=Exit.REFUSED,
        )


def _client_side(scene: Scene, primary: _Target) -> tuple[_Target, ...]:
    """The primary's node and the client's; they must be the smaller side."""
    here = {primary.seat.node, scene.client}
    inside = [seat for seat in scene.seats if seat.node in here]
    if not scene.client or len(inside) * 2 >= len(scene.seats):
        raise OpsError(
            "drills/no-minority",
            f"{len(inside)} of {len(scene.seats)} members would be on the client's side"
            if scene.client
            else "the client runs on no host of the service",
            hint="the client must run on the primary's host, or the service needs more members",
            exit=Exit.REFUSED,
        )
    others = [seat for seat in (*scene.seats, *scene.beside) if seat.node in here]
    return (primary, *(_Target(seat) for seat in others))


def _one_per_node(targets: Iterable[_Target]) -> tuple[_Target, ...]:
    found: dict[str, _Target] = {}
    for each in targets:
        found.setdefault(each.seat.node or each.seat.member, each)
    return tuple(found.values())


def _strike(
    fault: Fault, scene: Scene, drill: str, seconds: float, at: _Target, struck: Sequence[_Target]
) -> Strike:
    seat = at.seat
    words = f"{fault.words} ({seat.member})"
    if fault.kind == "kill-host":
        script = scripts.kill_host()
        return Strike(seat.node, seat.member, "", words, script, Text(), restarts=True)
    if fault.kind in OF_PODS:
        takes: Literal["delete", "evict"] = "evict" if fault.kind == "evict-pod" else "delete"
        return Strike(seat.node, seat.member, "", words, Text(), Text(), takes=takes)
    peers = _peers(scene, seat, struck)
    blow, undo = _commands(fault, drill, seconds, seat, peers, scene.address)
    component = at.component if SIGNAL in blow or START in blow else ""
    return Strike(
        seat.node,
        seat.member,
        component,
        words,
        scripts.armed(drill, seconds or _RESTARTED, undo, blow),
        scripts.disarmed(drill, undo),
    )


_RESTARTED = 30.0  # seconds after which a killed process that nobody restarted is started


def _commands(
    fault: Fault, drill: str, seconds: float, seat: Seat, peers: Sequence[str], floating: str
) -> tuple[str, str]:
    if fault.kind == "kill-process":
        return scripts.kill_process()
    if fault.kind == "pause":
        return scripts.pause()
    if fault.kind == "fill-disk":
        return scripts.fill_disk(seat.data_dir)
    if fault.kind == "cpu":
        return scripts.burn(drill, seconds)
    if not peers:
        raise OpsError("drills/alone", f"{seat.member} has no peer", exit=Exit.REFUSED)
    if fault.kind == "loss":
        return packets.lose(drill, peers, scripts.SAY, fault.percent)
    one_way = fault.kind == "cut-one-way"
    return packets.cut(drill, peers, scripts.SAY, one_way=one_way, floating=floating)


def _peers(scene: Scene, seat: Seat, struck: Sequence[_Target]) -> tuple[str, ...]:
    """One member for each node on the other side: those that are struck are on this one."""
    here = {each.seat.node for each in struck} | {seat.node}
    found: dict[str, str] = {}
    for each in (*scene.seats, *scene.beside):
        if each.node not in here:
            found.setdefault(each.node, each.member)
    return tuple(found.values())
