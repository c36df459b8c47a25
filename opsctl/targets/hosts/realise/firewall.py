"""Who reaches a service's ports: an nftables table of its own on each of its nodes. Pure.

Ports for clients are open to all, and those for members to their hosts alone. The table only ever
drops packets to ports that are the service's: what other tables do is others' business. A host
whose member is to leave is left out from the first step on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from opsctl.planning.resource import Resource
from opsctl.targets.hosts.realise.context import Context, Payload
from opsctl.targets.hosts.realise.packages import ANY
from opsctl.workload import AddressRef, Member, Workload

PROGRAM = "nftables"  # the package


def firewall(context: Context, workload: Workload) -> tuple[Resource, ...]:
    """For each node with a port for members only: the table, and the package that loads it.

    Raises hosts/no-address for a host whose address can't be known: it would be shut out.
    """
    if context.options.firewall != "manage":
        return ()
    return tuple(_each(context, workload))


def _each(context: Context, workload: Workload) -> Iterator[Resource]:
    members = tuple(workload.members())
    hosts = sorted({context.address(AddressRef(one.name, "ip")) for one in members}, key=_order)
    for member in members:
        node, ports = member.seat.node, inner_ports(member)
        if not ports:
            continue
        name = table(context.environment.name, workload.service)
        text = rules(name, ports, hosts)
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


def inner_ports(member: Member) -> tuple[int, ...]:
    """The ports that only members need to reach."""
    ports = (port for component in member.components for port in component.ports)
    return tuple(sorted({port.number for port in ports if port.audience == "members"}))


def rules(name: str, ports: Sequence[int], hosts: Sequence[str]) -> str:
    """The whole table, in place of the one that is there, in one transaction."""
    match = f"meta l4proto {{ tcp, udp }} th dport {{ {', '.join(map(str, ports))} }}"
    lines = [
        f"table inet {name}",
        f"delete table inet {name}",
        f"table inet {name} {{",
        "    chain input {",
        "        type filter hook input priority filter - 5; policy accept;",
        '        iifname "lo" accept',
    ]
    for family, version in (("ip", 4), ("ip6", 6)):
        own = [host for host in hosts if ip_address(host).version == version]
        if own:
            lines.append(f"        {match} {family} saddr {{ {', '.join(own)} }} accept")
    return "\n".join([*lines, f"        {match} drop", "    }", "}", ""])


def _order(address: str) -> tuple[int, bytes]:
    ip = ip_address(address)
    return ip.version, ip.packed
