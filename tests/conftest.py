"""What all tests share."""

from __future__ import annotations

import gc

import pytest
from hypothesis import settings

from opsctl.cli.main import GARBAGE

gc.set_threshold(GARBAGE, 20, 20)  # as opsctl itself: modules are no garbage

# A busy machine is no finding: no example is refused for its time.
settings.register_profile("opsctl", deadline=None, max_examples=30)
settings.register_profile("soak", deadline=None, max_examples=1000)  # make soak
settings.load_profile("opsctl")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what golden tests give as what they expect from now on (review the diff)",
    )
