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
    Hold,
    Object,
    Operations,
    Pin,
    Query,
    Rolling,
    Standing,
    Standings,
)
from opsctl.workload.backups import Backup, Backups, Shelf
from opsctl.workload.engine import Engine, Render, SeatNeed, SelfContained, in_order
from opsctl.workload.entries import (
    Backend,
    Check,
    Directory,
    Entry,
    Lane,
    Say,
    Timing,
    Traffic,
    Vip,
    Voter,
)
from opsctl.workload.leads import Lead
from opsctl.workload.parts import (
    Command,
    Component,
    ConfigFile,
    Effect,
    Floating,
    Job,
    Kernel,
    Limits,
    Package,
    Port,
    Probe,
    Sign,
    Software,
    Volume,
)
from opsctl.workload.seats import Seat
from opsctl.workload.signals import Quiet, Scrape, Signals
from opsctl.workload.text import AddressRef, FileRef, SecretRef, Text
from opsctl.workload.versions import check_version
from opsctl.workload.workload import Endpoint, Group, Member, Workload

__all__ = [
    "Act",
    "AddressRef",
    "Answer",
    "Backend",
    "Backup",
    "Backups",
    "Call",
    "Check",
    "Command",
    "Component",
    "ConfigFile",
    "Directory",
    "Effect",
    "Endpoint",
    "Engine",
    "Entry",
    "Facts",
    "FileRef",
    "Floating",
    "Gate",
    "Group",
    "Hold",
    "Job",
    "Kernel",
    "Lane",
    "Lead",
    "Limits",
    "Member",
    "Object",
    "Operations",
    "Package",
    "Pin",
    "Port",
    "Probe",
    "Query",
    "Quiet",
    "Render",
    "Rolling",
    "Say",
    "Scrape",
    "Seat",
    "SeatNeed",
    "SecretRef",
    "SelfContained",
    "Shelf",
    "Sign",
    "Signals",
    "Software",
    "Standing",
    "Standings",
    "Text",
    "Timing",
    "Traffic",
    "Vip",
    "Volume",
    "Voter",
    "Workload",
    "check_version",
    "in_order",
]
