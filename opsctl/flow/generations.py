"""Generations of derived secrets: those that opsctl.lock has must be those that are in use.

A checkout without the lock file of the last rotation would take every password back to its first
generation. The targets' journals keep the numbers, which are no secrets, so that it is noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from opsctl.errors import Exit, OpsError
from opsctl.workload import Workload

Generations = Mapping[str, int]


def refused(
    own: Generations, used: Generations, workloads: Iterable[Workload], file: str
) -> Iterator[str]:
    """Why a plan with `own`, which stand in `file`, must not be applied where `used` are in use;
    nothing when it may."""
    known = {ref.name for work in workloads for ref in work.secrets() if not ref.given}
    behind = {name: number for name, number in used.items() if number > own.get(name, 1)}
    wrong = sorted(behind.keys() & known)
    if not wrong:
        return
    words = (f"{name} is at {behind[name]}, not {own.get(name, 1)}" for name in wrong)
    lines = ", ".join(f"{name}: {behind[name]}" for name in wrong)
    yield str(
        OpsError(
            "secrets/generation",
            f"the lock file is older than the last rotation of secrets: {'; '.join(words)}",
            where=file,
            hint=f"restore {file} from version control, or write below generations: in it: {lines}",
            exit=Exit.REFUSED,
        )
    )


def newest(*several: Generations) -> dict[str, int]:
    """The greater number of each: a generation never falls."""
    found: dict[str, int] = {}
    for one in several:
        for name, number in one.items():
            found[name] = max(number, found.get(name, 1))
    return found
