"""The faults that a drill can strike with, as data. `strikes` turns one into commands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from opsctl.errors import SpecError

Select = Literal[
    "primary",  # the member that says it is primary
    "entry",  # the node that holds the address that clients use
    "primary-and-entry",
    "client-side",  # the primary's node and the client's, against all others
    "all",
    "none",  # nothing is broken by hand: a plan is run
]
Kind = Literal[
    "kill-process",
    "kill-host",
    "pause",
    "cut",
    "cut-one-way",
    "loss",
    "fill-disk",
    "cpu",
    "delete-pod",
    "evict-pod",
    "operation",
]
OF_PODS: tuple[Kind, ...] = ("delete-pod", "evict-pod")  # struck where members are pods


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `seconds` is how long unless the drill says otherwise; 0: until
    it comes back by itself. `felt`: what clients should feel; `undo`: how it ends."""

    name: str
    words: str
    kind: Kind
    select: Select
    seconds: float
    felt: str
    undo: str
    needs: tuple[str, ...] = ()
    percent: int = 0  # of packets lost
    operation: str = ""  # the plan that is run
    sweep: bool = False  # struck with growing strength, to find where a failover begins

    def stronger(self, percent: int) -> Fault:
        """The same with another share of packets lost. Raises drills/percent."""
        if self.kind != "loss":
            raise SpecError("drills/percent", f"{self.name} loses no share of packets")
        return replace(self, percent=percent)


_BOOT = "The host must boot and mount its disks with nobody at its keyboard."
_PODS = "The service runs on Kubernetes."
_NFT = "The hosts have nft, or iptables."
_BACK = "the address moves to another balancer; connections to the old one are lost"
_FAILOVER = "a cut-off of about the time of detection and election; then writes again"
_NO_FAILOVER = "slower answers, but no failover"

FAULTS: tuple[Fault, ...] = (
    Fault("primary-process", "the primary's process dies", "kill-process", "primary", 0.0,
          _FAILOVER + ", or none if it is restarted first",
          "its supervisor starts it again"),
    Fault("primary-host", "the primary's host loses its power", "kill-host", "primary", 0.0,
          _FAILOVER, "the host boots", (_BOOT,)),
    Fault("primary-and-vip-host", "the hosts of the primary and of the clients' address lose "
          "their power at once", "kill-host", "primary-and-entry", 0.0,
          _FAILOVER + "; " + _BACK, "the hosts boot", (_BOOT,)),
    Fault("pause-primary", "the primary stands still, its connections stay open", "pause",
          "primary", 15.0, _FAILOVER + "; what waits for an answer runs into its timeout",
          "it is told to go on, and must find that it is primary no more"),
    Fault("isolate-primary", "the primary's host is cut off from all others", "cut", "primary",
          30.0, _FAILOVER + "; writes that only the old primary took are lost",
          "the rules are removed", (_NFT,)),
    Fault("isolate-minority", "the primary and the client are on the smaller side of a split",
          "cut", "client-side", 30.0,
          "no writes until the split ends: what was acknowledged there would be lost",
          "the rules are removed",
          (_NFT, "The client runs on a host of the service, on the smaller side.")),
    Fault("one-way-cut", "the primary's host hears the others, and they don't hear it",
          "cut-one-way", "primary", 30.0, _FAILOVER, "the rules are removed", (_NFT,)),
    Fault("balancer-host", "the host of the clients' address loses its power", "kill-host",
          "entry", 0.0, _BACK, "the host boots", (_BOOT,)),
    Fault("all-hosts", "all hosts lose their power at once", "kill-host", "all", 0.0,
          "away until the hosts are up; nothing that was on disk is lost", "the hosts boot",
          (_BOOT, "The client runs on another machine.")),
    Fault("disk-full", "the primary's disk is full", "fill-disk", "primary", 30.0,
          "depends on the engine: refused writes, or none", "the file that fills it is removed",
          ("The data lies on a disk of its own, or other services there suffer too.",
           "A host that restarts meanwhile keeps the file: remove it by hand.")),
    Fault("delete-pod", "the primary's pod is deleted", "delete-pod", "primary", 0.0,
          "about a second without writes: it hands over before it ends",
          "its StatefulSet makes another pod", (_PODS,)),
    Fault("drain", "the primary's pod is evicted, as by a drain of its node", "evict-pod",
          "primary", 0.0, "about a second without writes: it hands over before it ends",
          "its StatefulSet makes another pod", (_PODS,)),
    Fault("switchover", "the primary is moved on purpose", "operation", "none", 0.0,
          "about a second without writes, nothing lost", "nothing to undo",
          operation="switchover"),
    Fault("rolling-restart", "every member is restarted, one at a time", "operation", "none", 0.0,
          "one switchover's time without writes", "nothing to undo",
          operation="rolling-restart"),
    Fault("cpu", "the primary's host has no processor time left", "cpu", "primary", 20.0,
          _NO_FAILOVER, "the load ends", sweep=True),
    Fault("loss", "the primary's host loses packets", "loss", "primary", 20.0,
          _NO_FAILOVER, "the rules are removed", (_NFT,), percent=10, sweep=True),
    Fault("pause", "the primary stands still for a moment", "pause", "primary", 1.0,
          "a cut-off as long as the pause, but no failover", "it is told to go on", sweep=True),
    Fault("background-save", "the primary writes a snapshot", "operation", "none", 0.0,
          _NO_FAILOVER, "nothing to undo", operation="background-save", sweep=True),
)  # fmt: skip


def fault(name: str) -> Fault:
    """The fault `name`. Raises drills/unknown-fault."""
    found = next((each for each in FAULTS if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in FAULTS)
        raise SpecError("drills/unknown-fault", f"there is no fault {name}", hint=f"known: {known}")
    return found
