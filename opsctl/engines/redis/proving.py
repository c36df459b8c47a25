"""Proof that a service serves: a write is read back, from the replicas too, and through routes."""

from __future__ import annotations

from opsctl.engines.redis.asking import accepted, replies
from opsctl.engines.redis.cast import REDIS, Cast, servers
from opsctl.engines.redis.refusals import only_primary
from opsctl.workload import Act, Answer, Standings
from opsctl.workload.entries import Role

KEY = "opsctl:proof"
_LIVES = 60  # seconds
_PATIENCE = 5000  # milliseconds for the replicas to have it


def prove(cast: Cast, standings: Standings) -> tuple[Act, ...]:
    """A key is written through the primary, then read on every replica that is ready."""
    primary = only_primary(cast, standings)
    replicas = [member for member, standing in servers(standings, "replica") if standing.ready]
    value = f"proof-{standings[primary, REDIS].offset or 0}"
    wait = [f"WAIT {len(replicas)} {_PATIENCE}"] if replicas else []
    write = cast.door(primary).call(
        f"write a key through {primary} and read it back",
        [f"SET {KEY} {value} EX {_LIVES}", *wait, f"GET {KEY}"],
        lambda answer: _reads(answer, value),
    )
    reads = [
        cast.door(member).call(
            f"read the key from {member}", [f"GET {KEY}"], lambda answer: _reads(answer, value)
        )
        for member in replicas
    ]
    return tuple(Act(call) for call in (write, *reads))


def prove_route(
    cast: Cast, role: Role, standings: Standings, host: str, port: int
) -> tuple[Act, ...]:
    """From beside a member: who comes in at `host` and `port` finds a server of that role."""
    ready = [member for member, standing in servers(standings) if standing.ready]
    door = cast.door_beyond((ready or [cast.seats[0].member])[0], host, port)
    where = f"at {host} port {port}"
    if role == "primary":
        value = f"proof-{max((one.offset or 0 for one in standings.values()), default=0)}"
        call = door.call(
            f"write a key {where} and read it back",
            [f"SET {KEY} {value} EX {_LIVES}", f"GET {KEY}"],
            lambda answer: _reads(answer, value),
        )
    elif role == "replica":
        call = door.call(f"find a replica {where}", ["ROLE"], _is_replica)
    else:
        call = door.call(f"find a server {where}", ["PING"])
    return (Act(call),)


def _is_replica(answer: Answer) -> str:
    reason = accepted(answer)
    if reason:
        return reason
    role = next(iter(replies(answer)), "")
    return "" if role == "slave" else f"it says that it is {role or 'nothing'}"


def _reads(answer: Answer, value: str) -> str:
    """ "" when the last reply is the value."""
    reason = accepted(answer)
    if reason:
        return reason
    lines = [line for line in replies(answer) if line]
    found = lines[-1] if lines else "nothing"
    return "" if found == value else f"read {found} where {value} was written"
