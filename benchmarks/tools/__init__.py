"""The tools that are measured, each behind the same few words."""

from benchmarks.tools.ansible import Ansible, Mitogen
from benchmarks.tools.base import Tool, Way
from benchmarks.tools.opsctl import Opsctl
from benchmarks.tools.pyinfra import Pyinfra

__all__ = ["Ansible", "Mitogen", "Opsctl", "Pyinfra", "Tool", "Way"]
