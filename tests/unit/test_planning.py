"""Planning is pure: what differs becomes steps, in an order that holds; then nothing differs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planning_world import World, desired, member, node, workload

from opsctl.errors import OpsError
from opsctl.planning.build import build
from opsctl.planning.desired import Desired, Scope
from opsctl.planning.digest import stale
from opsctl.planning.observation import Maintenance, Observation, Owned
from opsctl.planning.plan import Plan, Step
from opsctl.planning.resource import Impact, ResourceId
from opsctl.planning.saved import plan_from_json, plan_to_json
from opsctl.workload import Call, Object, Query, Seat, Standing

CONTENTS = st.sampled_from(["a", "b", "c"])
WORLDS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.sampled_from(["file", "unit", "package"])), CONTENTS
)


@given(wanted=WORLDS, there=WORLDS, running=st.sets(st.integers(0, 3)))
def test_after_a_plan_was_applied_the_next_one_is_empty(
    wanted: dict[tuple[int, str], str], there: dict[tuple[int, str], str], running: set[int]
) -> None:
    world = World(there, running)
    goal = desired(wanted)
    for step in build(goal, world.observation(), Scope(prune=True)).steps:
        world.take(step, goal)
    assert not list(build(goal, world.observation(), Scope(prune=True)).changes)


@given(wanted=WORLDS, there=WORLDS, running=st.sets(st.integers(0, 3)), cut=st.integers(0, 8))
def test_a_plan_that_was_cut_short_ends_in_the_same_place_when_planned_again(
    wanted: dict[tuple[int, str], str],
    there: dict[tuple[int, str], str],
    running: set[int],
    cut: int,
) -> None:
    whole, interrupted = World(there, running), World(there, running)
    goal = desired(wanted)
    plan = build(goal, whole.observation(), Scope(prune=True))
    for step in plan.steps:
        whole.take(step, goal)
    for step in plan.steps[:cut]:
        interrupted.take(step, goal)
    for step in build(goal, interrupted.observation(), Scope(prune=True)).steps:
        interrupted.take(step, goal)
    assert interrupted.things == whole.things


@given(wanted=WORLDS, there=WORLDS, running=st.sets(st.integers(0, 3)))
def test_every_step_comes_after_what_it_needs(
    wanted: dict[tuple[int, str], str], there: dict[tuple[int, str], str], running: set[int]
) -> None:
    steps = build(desired(wanted), World(there, running).observation(), Scope()).steps
    done: set[str] = set()
    for step in steps:
        assert set(step.needs) <= done
        done.add(step.id)


@given(wanted=WORLDS, there=WORLDS, running=st.sets(st.integers(0, 3)))
def test_a_plan_read_back_from_its_file_is_the_same_plan(
    wanted: dict[tuple[int, str], str], there: dict[tuple[int, str], str], running: set[int]
) -> None:
    plan = build(desired(wanted), World(there, running).observation(), Scope())
    assert plan_from_json(json.dumps(plan_to_json(plan))) == plan


def test_a_running_member_is_changed_alone_and_a_new_one_in_the_wave() -> None:
    world = World({(0, "file"): "a", (0, "unit"): "a"}, {0})
    goal = desired({(0, "file"): "b", (0, "unit"): "a", (1, "file"): "a", (1, "unit"): "a"})
    kinds = [(step.kind, step.members) for step in build(goal, world.observation(), Scope()).steps]
    assert kinds == [("converge", (member(1),)), ("roll", (member(0),)), ("settle", ())]


def test_what_vanished_from_the_spec_is_left_alone_until_pruned() -> None:
    world = World({(0, "file"): "a"}, set())
    goal = desired({}, members=0)
    kept = build(goal, world.observation(), Scope())
    assert [step for step in kept.steps if step.changes] == []
    assert len(kept.left) == 1
    pruned = build(goal, world.observation(), Scope(prune=True))
    assert [change.verb for change in pruned.changes] == ["remove"]


def test_what_a_member_that_stays_no_longer_needs_goes_with_it() -> None:
    world = World({(0, "file"): "a", (0, "unit"): "a"}, {0})
    plan = build(desired({(0, "unit"): "a"}), world.observation(), Scope())
    assert [(change.id.kind, change.verb) for change in plan.changes] == [("file", "remove")]
    assert [step.verb for step in plan.steps if step.kind == "remove"] == [""]


def moved(members: int = 3) -> Desired:
    """The service with one unit for each member, on another target than World's."""
    goal = desired({(n, "unit"): "a" for n in range(members)}, members)
    there = tuple(
        replace(one, id=replace(one.id, where=f"prod/n{n}")) for n, one in enumerate(goal.resources)
    )
    return replace(goal, resources=there, workloads={"demo": ("prod", goal.workloads["demo"][1])})


DATA = Owned(ResourceId("directory", node(0), "/data"), "demo", member(0), "its data")
OF_SERVICE = Owned(ResourceId("firewall", node(0), "table"), "demo", "")


def test_what_a_service_was_on_another_target_stays_until_pruned() -> None:
    there = World({(n, "unit"): "a" for n in range(3)}, {0, 1, 2}).observation()
    there = replace(there, owned=(*there.owned, DATA), standings={})
    for scope in (Scope(), Scope(limit=("demo",), shrink=frozenset({"demo"}))):
        plan = build(moved(), there, scope)
        assert {change.verb for change in plan.changes} == {"create"}
        assert set(plan.left) == {owned.id for owned in there.owned}
        assert plan.behind == ("demo is on prod now; its data on dc does not move there",)
        assert plan_from_json(json.dumps(plan_to_json(plan))) == plan
    assert build(moved(), there, Scope(limit=("other",))).behind == ()
    without = replace(there, owned=there.owned[:-1])
    assert build(moved(), without, Scope()).behind == ()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, True),
        ({"owned": (OF_SERVICE,)}, False),
        ({"unreachable": {node(3): OpsError("hosts/unreachable", "away")}}, False),
        ({"revision": 1}, False),  # of which the look brought no spec: nothing is known
        ({"documents": {2: {"services": {"demo": {"state": "absent"}}}}}, False),
        ({"documents": {2: {"name": "test"}}}, False),
    ],
)
def test_a_service_whose_hosts_all_went_out_of_the_spec_begins_empty_and_the_plan_says_so(
    change: dict[str, Any], told: bool
) -> None:
    goal = desired({(0, "unit"): "a"})
    (one,) = goal.resources
    goal = replace(goal, resources=(replace(one, loss="the data of demo-0"),))
    seen = Observation(revision=2, documents={2: {"services": {"demo": {"engine": "demo"}}}})
    words = "demo is in revision 2, but no place of dc has anything of it now: it begins empty"
    assert build(goal, replace(seen, **change), Scope()).behind == ((words,) if told else ())


def test_pruning_what_a_service_was_on_another_target_costs_what_stopping_it_costs() -> None:
    there = World({(n, "unit"): "a" for n in range(3)}, {0, 1, 2}).observation()
    there = replace(there, owned=(*there.owned, DATA, OF_SERVICE), standings={})
    plan = build(moved(members=2), there, Scope(prune=True))
    *_, settle, third, second, first, rest = plan.steps
    removes = (third, second, first, rest)
    assert [step.id for step in removes] == [
        *(f"remove/dc/{member(n)}" for n in (2, 1, 0)),
        "remove/dc/demo",
    ]
    assert {(step.target, step.verb, step.impact) for step in removes} == {
        ("dc", "", Impact.FAILOVER)
    }
    assert first.title == f"remove {member(0)} from dc"
    # The new one is whole before anything of the old one goes; then it goes at once.
    assert settle.title == "wait until demo is whole, and prove it"
    assert all(settle.id in step.needs for step in removes)
    assert {len(step.needs) for step in removes} == {len(first.needs)}
    assert plan.left == (DATA.id,)


def test_a_member_seated_anew_on_another_host_of_its_target_leaves_the_old_one() -> None:
    goal = desired({(0, "unit"): "a"})
    old = Owned(ResourceId("unit", node(9), "unit"), "demo", member(0))
    kept = replace(DATA, id=replace(DATA.id, where=node(9)))
    plan = build(goal, Observation(owned=(old, kept)), Scope())
    assert [change.reason for change in plan.changes if change.verb == "remove"] == [
        "no longer needed by this member"
    ]
    assert plan.left == (kept.id,)
    assert plan.behind == ()


def test_what_goes_from_two_targets_goes_from_each_in_a_step_of_its_own() -> None:
    """A service that moved and is then absent; what hosts of both have for all."""
    places = [ResourceId("unit", where, "unit") for where in ("dc/n0", "prod/n0")]
    owned = [Owned(place, service, name) for place in places
             for service, name in (("demo", member(0)), ("", ""))]  # fmt: skip
    goal = replace(desired({}), workloads={}, absent=frozenset({"demo"}))
    plan = build(goal, Observation(owned=tuple(owned)), Scope(prune=True))
    assert [(step.id, step.target, step.where) for step in plan.steps] == [
        (f"remove/dc/{member(0)}", "dc", ("dc/n0",)),
        (f"remove/prod/{member(0)}", "prod", ("prod/n0",)),
        ("remove/dc/node", "dc", ("dc/n0",)),
        ("remove/prod/node", "prod", ("prod/n0",)),
    ]


def test_what_a_service_that_goes_has_for_all_its_members_costs_as_much_as_they() -> None:
    """Balancers on every node of a cluster are one thing, of no member."""
    goal = replace(desired({}), workloads={})
    (step,) = build(goal, Observation(owned=(OF_SERVICE,)), Scope(prune=True)).steps
    assert step.impact is Impact.FAILOVER


def test_data_that_goes_with_its_server_costs_the_stop_besides_and_alone_nothing() -> None:
    goal = replace(desired({}), workloads={})
    unit = Owned(ResourceId("unit", node(0), "unit"), "demo", member(0))
    named = Scope(prune=True, delete_data=frozenset({"demo"}))
    plan = build(goal, Observation(owned=(unit, DATA)), named)
    (both,) = plan.steps
    assert plan_from_json(json.dumps(plan_to_json(plan))) == plan
    assert (both.impact, both.felt) == (Impact.DATA_LOSS, Impact.FAILOVER)
    (data,) = build(goal, Observation(owned=(DATA,)), named).steps
    assert (data.impact, data.felt) == (Impact.DATA_LOSS, Impact.NONE)


def test_a_limit_never_prunes() -> None:
    world = World({(0, "file"): "a"}, set())
    scope = Scope(prune=True, limit=("demo",))
    plan = build(desired({}, members=0), world.observation(), scope)
    assert not list(plan.changes)


def test_data_goes_only_when_its_name_is_given() -> None:
    data = Owned(ResourceId("directory", node(0), "/data"), "demo", member(0), "its data", True)
    seen = Observation(owned=(data,))
    assert not list(build(desired({}), seen, Scope(prune=True)).changes)
    named = Scope(prune=True, delete_data=frozenset({"demo"}))
    plan = build(desired({}), seen, named)
    assert [change.loss for change in plan.changes] == ["its data"]
    assert plan.impact is Impact.DATA_LOSS


def test_a_misspelt_name_of_data_blocks_the_plan() -> None:
    plan = build(desired({}), Observation(), Scope(delete_data=frozenset({"demmo"})))
    assert "demmo" in plan.blocked[0]


def test_a_service_unfit_for_its_places_gets_no_new_member_and_what_stands_goes_on() -> None:
    goal = desired({(n, "unit"): "b" for n in range(3)}, members=3)
    unfit = replace(goal.workloads["demo"][1], unfit=(OpsError("demo/unfit", "two kinds"),))
    goal = replace(goal, workloads={"demo": ("dc", unfit)})
    there = World({(n, "unit"): "a" for n in range(3)}, {0, 1, 2}, primary=1).observation()
    seated = {"demo": tuple(one.seat for one in unfit.members())}
    fewer = {"demo": seated["demo"][:2]}
    assert build(goal, replace(there, seats=seated), Scope()).blocked == ()
    first = replace(World({}, set()).observation(), seats=fewer)
    assert build(goal, first, Scope()).blocked == ("[demo/unfit]: two kinds",)
    elsewhere = Scope(limit=("other",))
    assert build(goal, first, elsewhere).blocked == ()


def test_restarting_the_primary_is_said_to_cost_a_failover() -> None:
    world = World({(n, "unit"): "a" for n in range(3)}, {0, 1, 2}, primary=1)
    plan = build(desired({(n, "unit"): "b" for n in range(3)}), world.observation(), Scope())
    impacts = {step.members: step.impact for step in plan.steps if step.kind == "roll"}
    assert impacts == {
        (member(0),): Impact.RESTART,
        (member(1),): Impact.FAILOVER,
        (member(2),): Impact.RESTART,
    }


def test_a_reload_makes_no_way_for_itself_even_at_the_primary_and_never_goes_to_all_at_once() -> (
    None
):
    call = Call("", "", "", (), lambda answer: "")
    users = Object(
        "users", "server", member(0), "server", {"app": "new"},
        Query(("true",), lambda answer: None), lambda facts: call, first=True,
    )  # fmt: skip
    goal = desired({(n, "unit"): "b" for n in range(3)}, members=3)
    reloads = tuple(
        replace(one, impact={"content": Impact.RELOAD}) if one.member != member(2) else one
        for one in goal.resources
    )
    objects = replace(workload(3), objects=(users,))
    goal = replace(goal, resources=reloads, workloads={"demo": ("dc", objects)})
    world = World({(n, "unit"): "a" for n in range(3)}, {0, 1, 2}, primary=1)
    seen = replace(world.observation(), objects={(member(0), "users", "server"): {"app": "old"}})
    steps = {step.id: step for step in build(goal, seen, Scope()).steps}
    assert [change.id.kind for change in steps["prepare/demo"].changes] == ["users"]
    step = steps[f"member/{member(1)}"]
    assert (step.impact, step.before, step.after) == (Impact.RELOAD, "", "it is always so")
    assert [change.verb for change in step.changes] == ["reload"]
    assert steps[f"member/{member(2)}"].before


def test_who_holds_the_primary_role_to_the_services_harm_waits_for_nothing_and_moves_nothing() -> (
    None
):
    goal = desired({(n, "unit"): "b" for n in range(3)}, members=3)
    rolling = replace(
        workload(3).rolling, mends=lambda standings, name: len(standings) == 3 and name == member(1)
    )
    goal = replace(goal, workloads={"demo": ("dc", replace(workload(3), rolling=rolling))})
    seen = World({(n, "unit"): "a" for n in range(3)}, {0, 1, 2}, primary=1).observation()
    # What another service's members are is not for this one to judge by.
    others = {("other-0", "server"): Standing("primary", ready=True)}
    seen = replace(seen, standings={**seen.standings, **others})
    steps = {step.id: step for step in build(goal, seen, Scope()).steps}
    assert (steps[f"member/{member(1)}"].before, steps[f"member/{member(1)}"].impact) == (
        "", Impact.RESTART,
    )  # fmt: skip
    assert steps[f"member/{member(0)}"].before == "it is always so"


def test_what_can_not_be_known_is_not_compared_and_is_said() -> None:
    goal = desired({(0, "file"): "a"})
    blind = replace(goal, resources=tuple(
        replace(item, desired={"content": None}) for item in goal.resources
    ))  # fmt: skip
    plan = build(blind, World({(0, "file"): "z"}, set()).observation(), Scope())
    assert not list(plan.changes)
    assert plan.uncompared == (ResourceId("file", node(0), "file"),)


def test_a_thing_of_somebody_else_blocks_the_plan() -> None:
    world = World({}, set())
    seen = world.observation(foreign={(0, "file"): "it is not in the manifest"})
    plan = build(desired({(0, "file"): "a"}), seen, Scope())
    assert "not in the manifest" in plan.blocked[0]


def test_a_saved_plan_is_stale_as_soon_as_a_step_would_do_something_else() -> None:
    goal = desired({(0, "file"): "b", (1, "file"): "a"})
    saved = build(goal, World({(0, "file"): "a"}, set()).observation(), Scope())
    assert stale(saved, saved) == ()
    later = build(goal, World({(0, "file"): "c"}, set()).observation(), Scope())
    assert stale(saved, later) == (f"build/{node(0)}",)


@pytest.mark.parametrize("text", ["", "{}", '{"opsctl_plan": 99}', "[]", '{"opsctl_plan": 1}'])
def test_a_file_that_is_no_plan_is_refused_in_plain_words(text: str) -> None:
    with pytest.raises(OpsError) as caught:
        plan_from_json(text)
    assert caught.value.code.startswith("plan/")


def test_members_that_leave_go_one_by_one_the_highest_first() -> None:
    world = World({(n, "unit"): "a" for n in range(4)}, {0, 1, 2, 3})
    goal = desired({(0, "unit"): "a", (1, "unit"): "a"}, members=2)
    plan = build(goal, world.observation(), Scope(limit=("demo",), shrink=frozenset({"demo"})))
    removals: list[Step] = [step for step in plan.steps if step.kind == "remove"]
    assert [step.members for step in removals] == [(member(3),), (member(2),)]
    assert [step.verb for step in removals] == ["leave", "leave"]
    assert removals[0].id in removals[1].needs
    assert workload(2).service == "demo"


def test_who_leaves_and_is_down_is_not_waited_for() -> None:
    goal = desired({(0, "unit"): "a", (1, "unit"): "a"}, members=2)
    scope = Scope(limit=("demo",), shrink=frozenset({"demo"}))

    def settled(running: set[int]) -> Step:
        world = World({(n, "unit"): "a" for n in range(4)}, running)
        plan = build(goal, world.observation(), scope)
        return next(step for step in plan.steps if step.kind == "settle")

    assert settled({0, 1, 2, 3}).members == ()
    assert settled({0, 1, 2}).members == (member(0), member(1), member(2))
    assert "without" in settled({0, 1, 2}).title
    # One that stays is waited for, down or not.
    assert settled({0, 2, 3}).members == ()


def with_strays(observation: Observation, *limit: str) -> Plan:
    """The plan where all is as desired, and the members still count somebody."""
    goal = desired({(0, "unit"): "a"}, members=1)
    demo = replace(goal.workloads["demo"][1], strays=lambda standings: "n9" if standings else "")
    goal = replace(goal, workloads={"demo": ("dc", demo)})
    return build(goal, observation, Scope(limit=limit))


def test_members_that_still_count_somebody_who_is_gone_make_a_plan_by_themselves() -> None:
    there = World({(0, "unit"): "a"}, {0}).observation()
    plan = with_strays(there)
    assert not plan.empty
    assert [step.title for step in plan.steps] == [
        "wait until demo is whole, make it forget n9, and prove it"
    ]
    assert plan_from_json(json.dumps(plan_to_json(plan))) == plan
    assert not stale(plan, with_strays(there))
    gone = with_strays(replace(there, standings={}))
    assert gone.empty
    assert stale(plan, gone) == ("settle/demo",)


def test_nobody_is_forgotten_while_it_can_not_be_told_who_is_gone_or_nothing_may_change() -> None:
    there = World({(0, "unit"): "a"}, {0}).observation()
    leaver = Seat(member(1), "server", "n1", "", "debian-13")
    held = Maintenance("demo", 9.0, 1.0, "me", "disks")
    for observation in (
        replace(there, seats={"demo": (leaver,)}),
        replace(there, unreachable={"dc/n1": OpsError("hosts/unreachable", "it is away")}),
        replace(there, maintenance={"demo": held}),
    ):
        assert with_strays(observation).empty
    assert with_strays(there, "other").empty
    assert not with_strays(there, "demo").empty


def test_who_would_take_itself_for_alone_leaves_before_the_others_are_changed() -> None:
    world = World({(n, "file"): "a" for n in range(3)}, {0, 1, 2})
    goal = desired({(0, "file"): "b", (1, "file"): "b"}, members=2)
    few = workload(2)
    first = replace(few, rolling=replace(few.rolling, leave_first=True))
    goal = replace(goal, workloads={"demo": ("dc", first)})
    plan = build(goal, world.observation(), Scope(limit=("demo",), shrink=frozenset({"demo"})))
    kinds = [step.kind for step in plan.steps]
    assert kinds == ["remove", "roll", "roll", "settle"]
    assert all(plan.steps[0].id in step.needs for step in plan.steps[1:])


def test_what_others_need_of_a_member_comes_before_any_restart() -> None:
    """A password that all log in with: every server takes the new one, then they restart."""
    call = Call("", "", "", (), lambda answer: "")
    things: dict[tuple[int, str], str] = {(n, "unit"): "new" for n in range(3)}
    things |= {(n, "file"): "new" for n in range(3)}
    objects = tuple(
        Object(
            "users", "server", member(n), "server", {"app": "new"},
            Query(("true",), lambda answer: None), lambda facts: call, first=True,
        )
        for n in range(3)
    )  # fmt: skip
    goal = desired(things, members=3)
    goal = replace(goal, workloads={"demo": ("dc", replace(workload(3), objects=objects))})
    world = World(dict.fromkeys(things, "old"), running={0, 1}, primary=0)
    seen = replace(
        world.observation(),
        objects={(member(n), "users", "server"): {"app": "old"} for n in (0, 1)},
        seats={"demo": tuple(one.seat for one in workload(3).members())},
    )
    steps = {step.id: step for step in build(goal, seen, Scope()).steps}
    first = [(change.member, change.id.kind) for change in steps["prepare/demo"].changes]
    assert sorted(first) == [(member(n), kind) for n in (0, 1) for kind in ("file", "users")]
    for n in (0, 1):
        assert [change.id.kind for change in steps[f"member/{member(n)}"].changes] == ["unit"]
    # One that is down is built anew, but it logs in to the others as well.
    assert all("prepare/demo" in steps[f"member/{member(n)}"].needs for n in range(3))
