"""What an apply sends, whatever it has to do."""

from __future__ import annotations

from typing import Any, cast

import pytest

from cluster_edge import Edge, Reply, Request, refused
from opsctl.model import Kubernetes
from opsctl.ports import Fence, Work
from opsctl.targets.kubernetes.applying import Applying
from opsctl.targets.kubernetes.locking import Lock
from opsctl.targets.kubernetes.site import Site
from toy import Keys

SITE = Site("prod", "shop", "shop", Kubernetes())
THERE = {"metadata": {"name": "shop"}}
CLASH = {
    "reason": "FieldManagerConflict",
    "message": 'conflict with "velero-server" using v1',
    "field": ".metadata.annotations.applyset.kubernetes.io/tooling",
}


class Held:
    """A lock that nobody takes away."""

    def check(self, fence: Fence) -> None:
        """It is held."""


def restored(request: Request) -> Reply:
    """A namespace that came out of a backup: who restored it has set every field."""
    if request.verb != "PATCH":
        return 200, THERE
    if request.query["force"] == ["true"]:
        return 200, THERE
    return refused(409, "Apply failed with 1 conflict", "Conflict", causes=[CLASH])


@pytest.mark.parametrize("force", [False, True])
def test_the_set_s_own_parent_is_taken_over_as_all_else_is(force: bool) -> None:
    lock, api = cast("Lock", cast("Any", Held())), Edge(restored).api()
    applying = Applying(api, SITE, Keys(), lock, "id", force)
    outcome = applying.run([Work(SITE.where)], Fence(1, "ann"), lambda _event: None)
    error = outcome[SITE.where].error
    if force:
        assert error is None
    else:
        assert error is not None
        assert (error.code, "--force-conflicts" in error.hint) == ("kubernetes/conflict", True)
