"""From what the spec says of hosts to a hosts target: labs and inventories are resolved here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from opsctl import model
from opsctl.flow.parts import Versions
from opsctl.model import Environment
from opsctl.ports import Secrets
from opsctl.targets.hosts import Env, Host, HostsTarget, Options, Packages, SshOptions
from opsctl.wiring.labs import lab, power_switch
from opsctl.workload import SecretRef

HASTE = 5.0  # seconds for hosts that say nothing, where somebody waits because one is dead


def hosts_target(
    spec: Environment,
    name: str,
    written: model.HostsTarget,
    secrets: Secrets,
    *,
    cache: Path,
    locked: Versions,
    unsupported: bool,
    hasty: bool = False,
) -> HostsTarget:
    """The target `name`. Raises OpsError for a lab or an inventory that is not there."""
    ssh = _ssh(spec, ("targets", name, "ssh"), written.ssh)
    if hasty:
        ssh = replace(ssh, connect_timeout=min(ssh.connect_timeout, HASTE))
    hosts = _hosts(spec, name, written)
    cut_power = None
    if isinstance(written.hosts, model.LabHosts):
        found = lab(written.hosts.name)
        cut_power = power_switch(found)
        ssh = replace(ssh, user="root", key=found.key, known_hosts=found.known_hosts)
    prefix = f"{name}/"
    return HostsTarget(
        name,
        Env(spec.name, spec.id, tuple(other for other in spec.targets if other != name)),
        hosts,
        ssh,
        secrets,
        cache,
        Options(
            packages=Packages(
                mirror=written.packages.mirror or "",
                proxy=written.packages.proxy or "",
                lock_wait=written.packages.lock_wait.seconds,
                locked={
                    key.removeprefix(prefix): versions
                    for key, versions in locked.items()
                    if key.startswith(prefix)
                },
            ),
            firewall=written.firewall,
            kernel=written.kernel,
            time=written.time,
            time_service=partial(model.keeper_words, spec, name),
            unsupported=unsupported,
            cut_power=cut_power,
            stragglers=HASTE if hasty else None,
            collectors=_collectors(spec, name),
        ),
    )


def _collectors(spec: Environment, name: str) -> tuple[str, ...]:
    """Whence members of the target are asked for metrics by others than its own: a Prometheus that
    others run, or one of the target from which this one is watched, on whichever host it sits."""
    monitoring = spec.monitoring
    if monitoring is None or name not in monitoring.targets:
        return ()
    theirs = monitoring.prometheus.addresses if monitoring.prometheus is not None else ()
    watching = spec.targets[monitoring.on]
    if name == monitoring.on or not isinstance(watching, model.HostsTarget):
        return theirs
    hosts = _hosts(spec, monitoring.on, watching).values()
    return (*theirs, *(host.address for host in hosts if _literal(host.address)))


def _literal(address: str) -> bool:
    """A rule of a firewall can't hold a name."""
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


def _hosts(spec: Environment, name: str, written: model.HostsTarget) -> Mapping[str, Host]:
    if isinstance(written.hosts, model.LabHosts):
        return {
            host.name: Host(address=host.address, rack=host.rack)
            for host in lab(written.hosts.name).hosts
        }
    if isinstance(written.hosts, model.InventoryHosts):
        from opsctl.targets.hosts.inventory import inventory_hosts

        keys = ("targets", name, "hosts", "inventory")
        return inventory_hosts(spec.beside(keys, written.hosts.inventory), written.hosts.group)
    return {
        host: _host(spec, ("targets", name, "hosts", host), host, said)
        for host, said in written.hosts.items()
    }


def _host(spec: Environment, keys: tuple[str, ...], name: str, said: model.Host) -> Host:
    own = said.ssh or model.Ssh()
    return Host(
        address=said.address or name,
        rack=said.rack or "",
        labels=said.labels,
        user=own.user or "",
        port=own.port,
        key=spec.beside((*keys, "ssh", "key"), own.key) if own.key else None,
        bastion=own.bastion or "",
        become=own.become,
    )


def _ssh(spec: Environment, keys: tuple[str, ...], said: model.Ssh) -> SshOptions:
    password = said.become_password
    return SshOptions(
        user=said.user or "",
        key=spec.beside((*keys, "key"), said.key) if said.key else None,
        port=said.port,
        become=said.become,
        become_password=SecretRef(password.secret, given=True) if password else None,
        bastion=said.bastion or "",
        options=said.options,
        known_hosts=spec.beside((*keys, "known_hosts"), said.known_hosts)
        if said.known_hosts
        else None,
        connect_timeout=said.connect_timeout.seconds,
        parallel=said.parallel,
    )
