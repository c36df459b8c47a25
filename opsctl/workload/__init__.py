"""The vocabulary: what an engine says of one service, free of any target.

An engine turns seats into a `Workload`; a target realises it as units or as pods. Every value is
frozen. Functions inside a Workload (parsers, gates, operations) are pure: they turn what was read
into a decision and touch nothing.
"""

from opsctl.workload.acts import (
    Act,
    Answer,
    Call,
    Facts,
    Gate,
    Object,
    Operations,
    Query,
    Rolling,
    Standing,
    Standings,
)
from opsctl.workload.engine import Engine, Render, SeatNeed
from opsctl.workload.parts import (
    Command,
    Component,
    ConfigFile,
    Kernel,
    Limits,
    Package,
    Port,
    Probe,
    Software,
    Volume,
)
from opsctl.workload.seats import Seat
from opsctl.workload.text import AddressRef, FileRef, SecretRef, Text
from opsctl.workload.workload import Endpoint, Group, Member, Workload

__all__ = [
    "Act",
    "AddressRef",
    "Answer",
    "Call",
    "Command",
    "Component",
    "ConfigFile",
    "Endpoint",
    "Engine",
    "Facts",
    "FileRef",
    "Gate",
    "Group",
    "Kernel",
    "Limits",
    "Member",
    "Object",
    "Operations",
    "Package",
    "Port",
    "Probe",
    "Query",
    "Render",
    "Rolling",
    "Seat",
    "SeatNeed",
    "SecretRef",
    "Software",
    "Standing",
    "Standings",
    "Text",
    "Volume",
    "Workload",
]
