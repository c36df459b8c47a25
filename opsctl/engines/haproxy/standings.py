"""How a balancer and an address's holder stand, read from what they answer."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

from opsctl.engines.haproxy.config import VETOES, VOTES
from opsctl.engines.haproxy.reach import BALANCERS, VOTERS, Claim
from opsctl.workload import Answer, Standing

# Of details, before a route's name, such as "route sessions".
LEADS, REFUSES, FULL = "route", "down", "full"
ADDRESSES = "addresses"


def _silent(answer: Answer) -> Standing:
    lines = [line for line in (answer.stderr + answer.stdout).splitlines() if line.strip()]
    return Standing("unknown", ready=False, reason=lines[-1] if lines else "no answer")


def balancer_standing(answer: Answer, claims: Sequence[Claim] = ()) -> Standing:
    """HAProxy's `show stat`. Details, per route: "route NAME": the members that get clients;
    "down NAME": the others, each with what its check said; "full NAME": how many connections, where
    no more are let in. One that has to give up an address of `claims` is not ready."""
    rows = list(csv.DictReader(answer.stdout.lstrip("# ").splitlines(keepends=True)))
    if answer.exit != 0 or not rows or "svname" not in rows[0]:
        return _silent(answer)
    up: dict[str, list[str]] = {}
    down: dict[str, list[str]] = {}
    full: dict[str, str] = {}
    for row in rows:
        lane, server = row["pxname"], row["svname"]
        if lane.startswith((VOTES, VETOES)):
            continue
        if server == "FRONTEND":
            if int(row.get("scur") or 0) >= int(row.get("slim") or 1) > 0:
                full[f"{FULL} {lane}"] = f"{row['scur']} connections"
            continue
        serving, away = up.setdefault(lane, []), down.setdefault(lane, [])
        if server == "BACKEND":
            continue
        if row["status"].startswith(("UP", "no check")):
            serving.append(server)
        else:
            away.append(f"{server} {_why(row)}")
    lanes = [lane for lane in up if not lane.startswith((BALANCERS, VOTERS))]
    details = {f"{LEADS} {lane}": ", ".join(up[lane]) for lane in lanes}
    details |= {f"{REFUSES} {lane}": "; ".join(down[lane]) for lane in lanes}
    why = _unreached(claims, {lane: len(servers) for lane, servers in up.items()})
    return Standing("replica", ready=not why, reason=why, details=details | full)


def _unreached(claims: Sequence[Claim], seen: Mapping[str, int]) -> str:
    """Which addresses it leaves to others, and why, in words; "" for none. `seen`: how many servers
    are up, by backend; one that the process does not know yet says nothing."""
    left = [
        claim.address
        for claim in claims
        if seen.get(BALANCERS, len(claim.balancers)) < len(claim.balancers)
        and all(seen.get(one.backend, one.missing) < one.missing for one in claim.electorates)
    ]
    if not left:
        return ""
    return f"reaches too few voters and balancers, so it leaves {' and '.join(left)} to others"


def _why(row: dict[str, str]) -> str:
    """What the last check said, in one line."""
    status, said = row["status"], " ".join((row.get("last_chk") or "").replace(";", ",").split())
    if status.startswith(("DRAIN", "MAINT")):
        return "drained" if status.startswith("DRAIN") else "in maintenance"
    code = (row.get("check_status") or "").strip("* ")
    return f"({' '.join(word for word in (code, said) if word) or 'not asked yet'})"


def holder_standing(answer: Answer) -> Standing:
    """status.sh: primary is who has one of the addresses. Details: addresses."""
    lines = answer.stdout.split()
    if answer.exit != 0 or lines[:1] != ["keepalived"]:
        return _silent(answer)
    held = " ".join(sorted(lines[1:]))
    return Standing("primary" if held else "replica", ready=True, details={ADDRESSES: held})
