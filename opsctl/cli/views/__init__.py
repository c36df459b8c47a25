"""The only room that prints: every result as a View, shown by a Screen to people or to programs."""

from opsctl.cli.views.screen import Format, Screen
from opsctl.cli.views.view import View

__all__ = ["Format", "Screen", "View"]
