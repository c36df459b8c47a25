"""Linux hosts over SSH: pure seating and realising, one small program to look with, Ansible to act.

The host's side is playbooks/module_utils/opsctl_host; both sides meet in wire.py and agents.py.
"""

from opsctl.targets.hosts.target import HostsTarget
from opsctl.targets.hosts.values import Env, Host, Options, Packages, SshOptions

__all__ = [
    "Env",
    "Host",
    "HostsTarget",
    "Options",
    "Packages",
    "SshOptions",
]
