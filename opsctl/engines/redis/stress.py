"""What strains a server in its daily life, on demand: a drill measures what clients feel of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opsctl.engines.redis.cast import REDIS, Cast
from opsctl.engines.redis.refusals import only_primary
from opsctl.workload import Act, Gate, Standings

_LONGEST = 300.0  # seconds for a snapshot


def stress(cast: Cast) -> Mapping[str, Callable[[Standings], tuple[Act, ...]]]:
    """By the fault's name."""
    return {"background-save": lambda standings: background_save(cast, standings)}


def background_save(cast: Cast, standings: Standings) -> tuple[Act, ...]:
    """The primary forks and writes all it holds to its disk. One under way already is refused."""
    primary = only_primary(cast, standings)
    call = cast.door(primary).call(f"save a snapshot on {primary}", ["BGSAVE"])
    return (Act(call, until=_saved(primary)),)


def _saved(member: str) -> Gate:
    """The fork is made before the server answers, so a save that is not under way has ended."""

    def holds(standings: Standings) -> str:
        standing = standings.get((member, REDIS))
        if standing is None or not standing.details.get("saving"):
            return f"{member} does not answer"
        if standing.details["saving"] != "0":
            return f"{member} is writing"
        return "" if standing.details["saved"] == "ok" else f"the snapshot of {member} failed"

    return Gate(f"{member} has written its snapshot", holds, _LONGEST)
