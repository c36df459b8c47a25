"""Services that are watched, and nothing else of them."""

from __future__ import annotations

from opsctl.workload import Gate, Operations, Rolling, Scrape, Signals, Workload

ALWAYS = Gate("always", lambda _: "")


def watched(service: str, catalogue: str, **facts: float) -> Workload:
    return Workload(
        service=service,
        engine="toy",
        groups=(),
        rolling=Rolling((), ALWAYS, ALWAYS, lambda *_: ()),
        operations=Operations(
            switchover=lambda *_: (),
            failover=lambda *_: (),
            remove=lambda *_: (),
            forget=lambda *_: (),
            prove=lambda *_: (),
        ),
        formed=ALWAYS,
        signals=Signals(catalogue, (Scrape(catalogue, f"{service}-0", 9000),), facts),
    )
