"""Faults of the network as shell commands: packets to and from peers are dropped on a host.

By nft, in a table of the drill's own. Where that fails by iptables, in chains of the drill's own:
an nft that is older than the program that wrote the host's other tables may crash on reading them
(1.0.6 of Debian 12 does beside kube-proxy 1.36, seen).
All that comes and all that goes passes these hooks, what is forwarded to or from containers on the
host as well. What stays on the host goes by "lo".
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsctl.errors import SpecError
from opsctl.workload import AddressRef

NOTHING = "struck nothing"
"""What a strike says that could not be dealt after all."""


@dataclass(frozen=True, slots=True)
class _Side:
    """Packets that come, or those that go: in the words of nft and of iptables."""

    hook: str
    link: str
    end: str
    table: str
    chain: str
    flags: tuple[str, str]  # of the link, of the other end


_COMES = _Side("prerouting", "iifname", "saddr", "raw", "PREROUTING", ("-i", "-s"))
_GOES = _Side("postrouting", "oifname", "daddr", "mangle", "POSTROUTING", ("-o", "-d"))


def cut(
    drill: str, peers: Sequence[str], say: str, *, one_way: bool, floating: str = ""
) -> tuple[str, str]:
    """(strike, undo): no packet to or from `peers` (members), nor the clients' address while one of
    them holds it: a client on this side would be served through the cut. One way: none to them."""
    return _rules(drill, peers, say, (_GOES,) if one_way else (_COMES, _GOES), floating=floating)


def lose(drill: str, peers: Sequence[str], say: str, percent: int) -> tuple[str, str]:
    """That share of packets to and from `peers` is lost. Raises drills/percent."""
    if not 0 < percent <= 100:
        raise SpecError("drills/percent", f"{percent} is no share of lost packets, 1 to 100")
    return _rules(drill, peers, say, (_COMES, _GOES), percent=percent)


def _rules(
    drill: str,
    peers: Sequence[str],
    say: str,
    sides: Sequence[_Side],
    *,
    percent: int = 100,
    floating: str = "",
) -> tuple[str, str]:
    """Loaded at once. A peer may be several addresses, or networks."""
    addresses = " ".join([*(str(AddressRef(peer, "ip")) for peer in peers), floating]).rstrip()
    strike = (
        f'peers="{addresses}"\n'
        f"{say}\n{_nft(drill, sides, percent)} || {_iptables(drill, sides, percent)} "
        f"|| echo '{NOTHING}'"
    )
    return strike, _undo(drill, sides)


def _nft(drill: str, sides: Sequence[_Side], percent: int) -> str:
    table = f"inet opsctl_drill_{drill}"
    luck = f"numgen random mod 100 < {percent} " if percent < 100 else ""
    lines = [f"add table {table}"]
    lines += [
        f"add chain {table} {one.hook} {{ type filter hook {one.hook} priority -300; }}"
        for one in sides
    ]
    echoes = "; ".join(f"echo {shlex.quote(line)}" for line in lines)
    rules = "; ".join(
        f'echo "add rule {table} {one.hook} {one.link} != lo $family {one.end} $peer {luck}drop"'
        for one in sides
    )
    return (
        f"{{ {echoes}; for peer in $peers; do\n"
        f"  case $peer in *:*) family=ip6 ;; *) family=ip ;; esac\n"
        f"  {rules}\ndone; }} | nft -f -"
    )


def _iptables(drill: str, sides: Sequence[_Side], percent: int) -> str:
    """Each family's rules at once."""
    luck = f" -m statistic --mode random --probability {percent / 100}" if percent < 100 else ""

    def lines(one: _Side) -> Iterator[str]:
        link, end = one.flags
        yield f"echo '*{one.table}'; echo ':{_chain(drill)} - [0:0]'"
        yield f"echo '-I {one.chain} ! {link} lo -j {_chain(drill)}'"
        rule = f"-A {_chain(drill)} {end} $peer{luck} -j DROP"
        yield f'for peer in $mine; do echo "{rule}"; done; echo COMMIT'

    text = "; ".join(line for one in sides for line in lines(one))
    return (
        "( for family in ip ip6; do mine=; for peer in $peers; do\n"
        "  case $peer in *:*) is=ip6 ;; *) is=ip ;; esac\n"
        '  [ $is != $family ] || mine="$mine $peer"\ndone\n'
        f'[ -z "$mine" ] || {{ {text}; }} | "$family"tables-restore -w --noflush || exit 1\n'
        "done )"
    )


def _undo(drill: str, sides: Sequence[_Side]) -> str:
    """One of the two; it holds no "$", as no undo does."""
    steps = [
        f"{program} -w -t {one.table} {step}"
        for program in ("iptables", "ip6tables")
        for one in sides
        for step in (
            f"-D {one.chain} ! {one.flags[0]} lo -j {_chain(drill)}",
            f"-F {_chain(drill)}",
            f"-X {_chain(drill)}",
        )
    ]
    return f"nft delete table inet opsctl_drill_{drill} || {{ {'; '.join(steps)}; }}"


def _chain(drill: str) -> str:
    return f"opsctl-drill-{drill}"  # at most 28 letters
