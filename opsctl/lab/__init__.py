"""lab: throw-away Debian hosts on this machine, real to ssh, systemd and apt, and breakable.

A host is a disk image, an overlay over a cached Debian root and one systemd-nspawn; a lab is some
hosts on a bridge of their own. `up` makes one, `find` returns it, `Lab.down` leaves nothing behind.
"""

from opsctl.lab.faults import CONTROL, Faults
from opsctl.lab.lab import Lab, find, labs, up
from opsctl.lab.preflight import missing_tools, require
from opsctl.lab.spec import LabHost, LabSpec
from opsctl.lab.undo import Fault

__all__ = [
    "CONTROL",
    "Fault",
    "Faults",
    "Lab",
    "LabHost",
    "LabSpec",
    "find",
    "labs",
    "missing_tools",
    "require",
    "up",
]
