"""What a preset must keep to, so that Sentinel finds somebody to promote."""

from __future__ import annotations

import pytest

from opsctl.engines.redis.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_a_replica_that_answered_a_second_ago_may_be_promoted(name: str) -> None:
    """While a primary is missed Sentinel asks replicas once a second, at its timer's next tick (up
    to 100 ms later), and promotes nobody who was silent for five pings."""
    assert 5 * PRESETS[name].pings >= 1_000 + 100 + 300
