"""Shows that a service serves: by its own words, and through the routes that lead to others."""

from __future__ import annotations

from dataclasses import replace

from opsctl.errors import OpsError
from opsctl.running.context import Service
from opsctl.running.gates import perform_acts
from opsctl.workload import Act, Lead, Standings

# Seconds that the way to an address may take to be known again after it moved, and between tries.
_PATIENCE = 30.0
_PAUSE = 0.5


def prove(here: Service, standings: Standings) -> None:
    """Raises OpsError with what the service or one of its routes did not do."""
    context, workload = here.context, here.workload
    perform_acts(here, _passing(workload.operations.prove(standings)))
    for lead in workload.leads(standings) if workload.leads is not None else ():
        if lead.full:
            context.say(f"{lead.lane.name} is full: {lead.full}", where=workload.service)
        elif lead.lane.service in context.workloads:
            _prove_route(here, lead)


def _prove_route(pool: Service, lead: Lead) -> None:
    """The service behind it knows what to ask for, beside a member of its own."""
    context, lane = pool.context, lead.lane
    if lane.entry.prove is None:
        return
    here = context.service(lane.service)
    balancers = [member.seat for member in pool.workload.members()]
    for host in [lane.host] if lane.host else map(here.target.address, balancers):
        deadline = context.monotonic() + _PATIENCE
        while True:
            acts = lane.entry.prove(here.standings(), host, lane.port)
            try:
                perform_acts(here, _passing(acts))
            except OpsError as error:
                if error.code != "run/refused" or context.monotonic() >= deadline:
                    raise
                context.stop.wait(_PAUSE)
                context.stop.check()
            else:
                break


def _passing(proof: tuple[Act, ...]) -> tuple[Act, ...]:
    """What a proof writes it takes away again, or it expires."""
    return tuple(replace(act, lasting=False) for act in proof)
