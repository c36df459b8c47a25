"""`python -m opsctl.lab.kubernetes`: build every program and image, so that tests need not."""

import sys

from opsctl.lab.kubernetes.go import programs
from opsctl.lab.kubernetes.images import archives


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")


archives(programs(_say), _say)
