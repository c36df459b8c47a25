"""What a plan looks like, for people and for a pull request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from opsctl.cli.views.plan import PlanView
from opsctl.cli.views.plan_words import summary
from opsctl.errors import OpsError
from opsctl.planning.plan import Change, Field, Plan, Step, Verb
from opsctl.planning.resource import Impact, ResourceId
from opsctl.planning.saved import plan_from_json


def change(
    kind: str, name: str, verb: Verb = "create", member: str = "sessions-0", **more: object
) -> Change:
    impact = more.pop("impact", Impact.NONE)
    assert isinstance(impact, Impact)
    identity = ResourceId(kind, "dc/n1", name)
    return Change(identity, verb, "sessions", member, impact, **more)  # type: ignore[arg-type]


CHANGED = change(
    "file",
    "/etc/opsctl/shop/sessions/sessions-1/server.conf",
    "update",
    "sessions-1",
    fields=(Field("content", "a" * 64, "b" * 64), Field("mode", None, "0640")),
    diff=("@@ -3 +3 @@", "-maxmemory 256mb", "+maxmemory 512mb"),
)
RESTARTED = change(
    "unit", "opsctl-shop-sessions@sessions-1.service", "restart", "sessions-1",
    impact=Impact.RESTART, fields=(Field("loaded", "old", "new"),),
)  # fmt: skip
GONE = change("data", "/var/lib/x", "remove", "sessions-3", impact=Impact.DATA_LOSS, loss="1 GiB")
ROLL = Step(
    "member/sessions-1", "roll", "change sessions-1", "dc", "sessions", ("sessions-1",), ("dc/n1",),
    (CHANGED, RESTARTED), impact=Impact.RESTART, before="all are in sync", after="it is in sync",
)  # fmt: skip
SETTLE = Step(
    "settle/sessions", "settle", "wait until sessions is whole, and prove it", "dc", "sessions",
    after="one primary is agreed on",
)  # fmt: skip
REMOVE = Step(
    "remove/sessions-3", "remove", "remove sessions-3", "dc", "sessions", ("sessions-3",),
    ("dc/n1",), (GONE,), impact=Impact.DATA_LOSS,
)  # fmt: skip


def plan(*steps: Step, **more: object) -> Plan:
    return Plan("shop", {"name": "shop"}, steps, **more)  # type: ignore[arg-type]


def shown(view: PlanView) -> str:
    return "\n".join(text.plain for text in view.lines())


def test_a_change_shows_fields_diff_gates_and_costs() -> None:
    view = PlanView(plan(ROLL, SETTLE, REMOVE), following="opsctl apply")
    assert (
        shown(view)
        == """\
shop: apply

change sessions-1   costs a restart of sessions-1
  first wait until all are in sync
  ~ file /etc/opsctl/shop/sessions/sessions-1/server.conf on dc/n1
      mode: (none) → 0640
      @@ -3 +3 @@
      -maxmemory 256mb
      +maxmemory 512mb
  ↻ unit opsctl-shop-sessions@sessions-1.service on dc/n1
      loaded: old → new
  then wait until it is in sync

wait until sessions is whole, and prove it
  until one primary is agreed on

remove sessions-3   costs the loss of 1 GiB
  - data /var/lib/x on dc/n1   loses 1 GiB

1 to change, 1 to restart, 1 to remove; costs: a restart of sessions-1, the loss of 1 GiB.
next: opsctl apply"""
    )


def first_apply() -> Plan:
    files = [change("file", f"/etc/{n}") for n in range(12)]
    directories = [change("directory", f"/var/{n}") for n in range(3)]
    package = change("package", "some-server", member="")
    changes = (package, *files, *directories)
    build = Step("build/dc/n1", "converge", "build on n1", "dc", where=("dc/n1",), changes=changes)
    return plan(build, SETTLE)


def test_dozens_of_creations_are_one_line_for_each_member() -> None:
    assert (
        shown(PlanView(first_apply()))
        == """\
shop: apply

build on n1
  + package some-server on dc/n1
  + sessions-0: 12 files, 3 directories

wait until sessions is whole, and prove it
  until one primary is agreed on

16 to create; costs: nothing."""
    )


def test_a_diff_that_was_shown_for_one_member_is_not_repeated_for_the_next() -> None:
    other = replace(CHANGED, id=replace(CHANGED.id, name="/other"), member="sessions-2")
    second = replace(ROLL, title="change sessions-2", changes=(other,), after=ROLL.before)
    text = shown(PlanView(plan(ROLL, second)))
    assert text.count("+maxmemory 512mb") == 1
    assert "      the same lines as above, of sessions-1\n  then wait until that again" in text
    assert shown(PlanView(plan(ROLL, second), verbose=True)).count("+maxmemory 512mb") == 2


def test_a_member_that_leaves_is_one_line_and_its_data_another() -> None:
    files = [change("file", f"/etc/{n}", "remove", "sessions-3") for n in range(12)]
    text = shown(PlanView(plan(replace(REMOVE, changes=(*files, GONE)))))
    assert "  - sessions-3: 12 files\n  - data /var/lib/x on dc/n1   loses 1 GiB\n" in text


def test_a_stop_is_said_beside_the_loss_that_comes_with_it() -> None:
    stop = replace(REMOVE, impact=Impact.FAILOVER, changes=())
    both = replace(REMOVE, besides=Impact.FAILOVER)
    assert summary(plan(stop)).endswith("costs: a stop of sessions on dc")
    assert summary(plan(both)).endswith("costs: a stop of sessions on dc and the loss of 1 GiB")


def test_verbose_shows_every_creation() -> None:
    text = shown(PlanView(first_apply(), verbose=True))
    assert text.count("\n  + ") == 16
    assert "  + file /etc/11 on dc/n1" in text


def test_what_is_left_alone_uncompared_unseen_and_refused_is_said() -> None:
    things = tuple(ResourceId("file", "dc/n2", f"/old/{n}") for n in range(8))
    made = plan(
        left=things,
        uncompared=things[:1],
        unreachable=("dc/n3", "dc/n4"),
        blocked=("n1: not ours",),
    )
    away = {"dc/n3": OpsError("ssh/timeout", "no answer in 10 s", where="dc/n3", hint="ping it")}
    assert (
        shown(PlanView(made, away))
        == """\
shop: apply

8 things left alone, not in the spec any more (goes with --prune, data with --delete-data):
  file /old/0 on dc/n2
  file /old/1 on dc/n2
  file /old/2 on dc/n2
  file /old/3 on dc/n2
  file /old/4 on dc/n2
  file /old/5 on dc/n2
  … and 2 more (--verbose)
1 thing not compared, for want of the secrets' root key:
  file /old/0 on dc/n2

error[ssh/timeout] dc/n3
  no answer in 10 s
  hint: ping it
can't see dc/n4
An apply would be refused:
  n1: not ours

Nothing to change, as far as can be seen."""
    )


def test_data_that_does_not_go_along_with_its_service_is_said() -> None:
    words = "sessions is on prod now; its data on dc does not move there"
    view = PlanView(plan(behind=(words,)))
    assert shown(view) == f"shop: apply\n\nleft behind: {words}\n\nNothing to change."
    assert f"- :warning: {words}\n" in view.markdown()


def test_a_plan_without_anything_is_one_line() -> None:
    assert shown(PlanView(plan())) == "shop: nothing to change."


def test_explaining_shows_what_the_services_promise() -> None:
    view = PlanView(plan(), notes={"sessions": ("failover: 7 s at worst", "may lose 1 s")})
    assert "sessions\n  failover: 7 s at worst\n  may lose 1 s" in shown(view)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((), "nothing to change"),
        ((SETTLE,), "nothing to change"),
        (
            (Step("s", "operate", "switchover of a", "dc", "a", verb="switchover",
                  impact=Impact.FAILOVER),),
            "costs: a switchover of a",
        ),
    ],
)  # fmt: skip
def test_the_summary_counts_and_names_the_costs(steps: tuple[Step, ...], words: str) -> None:
    assert summary(plan(*steps)) == words


def test_what_a_verb_does_is_said_once() -> None:
    step = Step("s", "operate", "switchover of a", "dc", "a", verb="switchover",
                impact=Impact.FAILOVER, after="promote a-1")  # fmt: skip
    made = replace(plan(step), title="switchover of a")
    assert shown(PlanView(made)) == (
        "shop: switchover of a\n\nswitchover of a\n  by promote a-1\n\nCosts: a switchover of a."
    )


def test_markdown_folds_the_details_and_shows_the_summary_first() -> None:
    text = PlanView(plan(ROLL)).markdown()
    assert (
        text
        == """\
### opsctl plan: shop, apply

**1 to change, 1 to restart; costs: a restart of sessions-1**


<details><summary>change sessions-1 (costs a restart of sessions-1)</summary>

```diff
! file /etc/opsctl/shop/sessions/sessions-1/server.conf on dc/n1
#   mode: (none) → 0640
@@ -3 +3 @@
-maxmemory 256mb
+maxmemory 512mb
! unit opsctl-shop-sessions@sessions-1.service on dc/n1
#   loaded: old → new
# until it is in sync
```
</details>
"""
    )


def test_a_file_with_a_fence_does_not_break_out_of_the_comment() -> None:
    odd = change("file", "/x", "update", diff=("+```",))
    step = Step("s", "converge", "build", "dc", where=("dc/n1",), changes=(odd,))
    assert PlanView(plan(step)).markdown().count("```") == 2


def test_what_programs_get_is_the_format_that_apply_reads() -> None:
    import json

    made = plan(ROLL, SETTLE, REMOVE)
    assert plan_from_json(json.dumps(PlanView(made).data())) == made
