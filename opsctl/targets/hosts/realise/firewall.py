"""Who reaches a service's ports: an nftables table of its own on each of its nodes. Pure.

Ports for clients are open to all, those for members to their hosts alone, and those for collectors
to the hosts of all who collect metrics too. The table only ever
drops packets to ports that are the service's: what other tables do is others' business. A host
whose member is to leave is left out from the first step on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from opsctl.planning.resource import Resource
from opsctl.targets.hosts.realise.context import Context, Payload
from opsctl.targets.hosts.realise.packages import ANY
from opsctl.workload import AddressRef, Member, Workload

PROGRAM = "nftables"  # the package


def firewall(
    context: Context, workload: Workload, collectors: Sequence[str] = ()
) -> tuple[Resource, ...]:
    """For each node with a port that is not for all: the table, and the package that loads it.
    `collectors`: the members who collect metrics.

    Raises hosts/no-address for a host whose address can't be known: it would be shut out.
    """
    if context.options.firewall != "manage":
        return ()
    return tuple(_each(context, workload, collectors))


def _each(context: Context, workload: Workload, collectors: Sequence[str]) -> Iterator[Resource]:
    members = tuple(workload.members())
    inside = _hosts(context, (one.name for one in members))
    readers = sorted(
        {
            *_hosts(context, (*(one.name for one in members), *collectors)),
            *context.options.collectors,
        },
        key=_order,
    )
    for member in members:
        node = member.seat.node
        inner, read = ports_for(member, "members"), ports_for(member, "collectors")
        if not inner and not read:
            continue
        name = table(context.environment.name, workload.service)
        text = rules(name, ((inner, inside), (read, readers)))
        program = Resource(
            id=context.id("package", node, PROGRAM),
            service=workload.service,
            member="",
            desired={"version": ANY},
            payload=Payload(),
        )
        yield program
        yield Resource(
            id=context.id("firewall", node, name),
            service=workload.service,
            member="",
            desired={"rules": hashlib.sha256(text.encode()).hexdigest(), "at boot": "yes"},
            text=text,
            needs=(program.id,),
            payload=Payload({"text": text}),
        )


def table(environment: str, service: str) -> str:
    """Names hold dashes and no underscores, so no two services have one table."""
    return f"opsctl_{environment}_{service}"


def ports_for(member: Member, audience: str) -> tuple[int, ...]:
    """The ports of a member that are for those alone."""
    ports = (port for component in member.components for port in component.ports)
    return tuple(sorted({port.number for port in ports if port.audience == audience}))


def _hosts(context: Context, members: Iterable[str]) -> list[str]:
    return sorted({context.address(AddressRef(one, "ip")) for one in members}, key=_order)


def rules(name: str, doors: Iterable[tuple[Sequence[int], Sequence[str]]]) -> str:
    """The whole table, in place of the one that is there, in one transaction. `doors`: ports, and
    the hosts that may come in there."""
    lines = [
        f"table inet {name}",
        f"delete table inet {name}",
        f"table inet {name} {{",
        "    chain input {",
        "        type filter hook input priority filter - 5; policy accept;",
        '        iifname "lo" accept',
    ]
    for ports, hosts in doors:
        if ports:
            lines += _door(ports, hosts)
    return "\n".join([*lines, "    }", "}", ""])


def _door(ports: Sequence[int], hosts: Sequence[str]) -> Iterator[str]:
    match = f"        meta l4proto {{ tcp, udp }} th dport {{ {', '.join(map(str, ports))} }}"
    for family, version in (("ip", 4), ("ip6", 6)):
        own = [host for host in hosts if ip_address(host).version == version]
        if own:
            yield f"{match} {family} saddr {{ {', '.join(own)} }} accept"
    yield f"{match} drop"


def _order(address: str) -> tuple[int, bytes]:
    ip = ip_address(address)
    return ip.version, ip.packed
