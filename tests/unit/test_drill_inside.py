"""Drills of a service in a cluster: where its client runs, and what is struck there alone."""

from __future__ import annotations

from typing import Any

import pytest
from test_drill_faults import DRILL, scene, seat

from opsctl.drills.faults import fault
from opsctl.drills.strikes import strike
from opsctl.errors import OpsError
from opsctl.flow.staging import Drill
from opsctl.workload import Text


def drill(name: str, client: str = "") -> Drill:
    lane: Any = None  # no word of it is read here
    return Drill("d1", "shop", fault(name), lane, "lb", "dc", 0.0, client)


def test_a_client_that_must_be_inside_sits_on_a_node_that_is_not_the_primary_s() -> None:
    assert drill("primary-host").client_node(scene("db-0", client=""), inside=True) == "n2"
    assert drill("primary-host").client_node(scene("db-1", client=""), inside=True) == "n1"
    assert drill("primary-host").client_node(scene("db-0", client="")) == ""


def test_where_it_was_told_to_run_or_the_fault_wants_it_it_runs() -> None:
    assert drill("pause", client="n3").client_node(scene("db-0"), inside=True) == "n3"
    assert drill("isolate-minority").client_node(scene("db-1"), inside=True) == "n2"


def test_without_a_node_for_it_a_fault_is_refused() -> None:
    alone = scene("db-0", client="", seats=(seat("db-0", "n1"),), beside=())
    for name, where in (("all-hosts", scene("db-0", client="")), ("primary-host", alone)):
        with pytest.raises(OpsError) as refused:
            drill(name).client_node(where, inside=True)
        assert refused.value.code == "drills/no-client-node"


@pytest.mark.parametrize(("name", "how"), [("delete-pod", "delete"), ("drain", "evict")])
def test_a_pod_is_taken_without_a_script(name: str, how: str) -> None:
    (one,) = strike(fault(name), scene("db-1"), DRILL)
    assert (one.member, one.takes, one.script, one.undo) == ("db-1", how, Text(), Text())
