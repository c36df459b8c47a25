"""Every code that this room can say, and what it means."""

from __future__ import annotations

ERRORS = {
    "spec/bad-name": "a name is a lower-case DNS label of at most 40 characters",
    "spec/bomb": "too much: over 1 MiB, 10,000 values (aliases expanded) or 50 levels",
    "spec/duplicate-key": "a key stands twice in one map",
    "spec/absent-service": "a route leads to a service that is taken down",
    "spec/duplicate-port": "two services want one port and can't help sharing a host",
    "spec/duplicate-route": "two routes want one address and port",
    "spec/duplicate-vip": "routes of different balancers want one address, or say two things of it",
    "spec/duplicate-vrid": "two addresses have one VRRP router id",
    "spec/missing-key": "a key that must be there is not",
    "spec/newer-schema": "the spec was written for a newer opsctl",
    "spec/no-balancer": "a route goes through a service that is no balancer, or none can be made",
    "spec/not-built": "a key whose meaning is not built yet, so that nothing would come of it",
    "spec/not-found": "there is no such file",
    "spec/plain-secret": "a secret stands in the spec, instead of its name in the backend",
    "spec/set": "a --set that can't be laid upon the spec",
    "spec/syntax": "this is not YAML as a spec uses it (one document, no tags, UTF-8)",
    "spec/too-few-hosts": "a service has more members than hosts it may sit on",
    "spec/unit": "a quantity without a unit, or with an unknown one",
    "spec/unknown-engine": "no engine of that name is installed",
    "spec/unknown-host": "place.hosts names a host that its target does not have",
    "spec/unknown-key": "a key that does not exist here",
    "spec/unknown-service": "a route leads to a service that is not in the spec",
    "spec/unknown-target": "something runs on a target that is not in the spec",
    "spec/unreadable": "the file can't be read",
    "spec/value": "a value that can't be",
    "spec/which-balancer": "a route could go through several balancers",
    "spec/wrong-type": "a text where a number is wanted, and the like",
}

FINDINGS = {
    "lint/authority-ends": "by whom a server is certified ends within 30 days, or has ended",
    "lint/backup-same-disk": "backups that lie beside the data and nowhere else",
    "lint/duplicate-host": "place.hosts names a host twice",
    "lint/lone-balancer": "a vip that has only one balancer to be on",
    "lint/no-backup": "a service that keeps data has no backup",
    "lint/no-slo": "a service has no slo",
    "lint/no-time-sync": "services that elect, on hosts whose clocks nobody is said to keep",
    "lint/not-on-kubernetes": "a key that means nothing on a Kubernetes target",
    "lint/one-rack": "all members of a service sit in one rack",
    "lint/one-replica": "a service has one replica",
    "lint/rpo-zero": "rpo: 0 where the engine or mode can't keep it (an error)",
    "lint/two-members": "two members where a majority is needed",
    "lint/unsupported": "read and checked, but not built by this version",
}
