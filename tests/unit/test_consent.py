"""Consent: what may run, and who said so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planning_world import member, node

from opsctl.errors import Exit, OpsError
from opsctl.flow.consent import Consent, agree
from opsctl.planning.plan import Change, Plan, Step
from opsctl.planning.resource import Impact, ResourceId


def plan(impact: Impact, loss: str = "") -> Plan:
    changed = Change(
        ResourceId("file", node(0), "f"), "remove" if loss else "update", "demo", member(0),
        Impact.DATA_LOSS if loss else min(impact, Impact.RESTART), loss=loss,
    )  # fmt: skip
    step = Step("s", "roll", "change", "dc", "demo", changes=(changed,), impact=impact)
    return Plan("test", {}, (step,))


def refusal(given: Plan, consent: Consent) -> OpsError:
    with pytest.raises(OpsError) as caught:
        agree(given, consent)
    return caught.value


def test_without_a_terminal_somebody_must_have_said_yes() -> None:
    error = refusal(plan(Impact.NONE), Consent())
    assert (error.code, error.exit) == ("apply/no-consent", Exit.REFUSED)


def test_what_changes_nothing_needs_nobodys_consent() -> None:
    agree(Plan("test", {}, ()), Consent())


def test_a_verb_can_not_be_saved_first_so_it_is_not_advised() -> None:
    assert refusal(plan(Impact.NONE), Consent()).hint.startswith("apply a plan saved")
    assert refusal(replace(plan(Impact.NONE), title="drill"), Consent()).hint == "say --yes"


@pytest.mark.parametrize("impact", [Impact.RESTART, Impact.FAILOVER])
def test_without_a_terminal_yes_means_a_reload_at_most(impact: Impact) -> None:
    error = refusal(plan(impact), Consent(yes=True))
    assert error.code == "apply/impact"
    assert f"--max-impact {impact.words}" in error.hint


def test_a_switchover_costs_more_than_the_restart_that_was_allowed() -> None:
    error = refusal(plan(Impact.FAILOVER), Consent(yes=True, max_impact=Impact.RESTART))
    assert error.code == "apply/impact"
    agree(plan(Impact.FAILOVER), Consent(yes=True, max_impact=Impact.FAILOVER))


def test_a_verb_agrees_to_what_it_costs() -> None:
    agree(replace(plan(Impact.FAILOVER), asked=Impact.FAILOVER), Consent(yes=True))


def test_a_plan_that_was_read_may_do_what_it_says() -> None:
    agree(plan(Impact.FAILOVER), Consent(reviewed=True))


def test_data_that_was_named_needs_no_second_consent() -> None:
    agree(plan(Impact.DATA_LOSS, loss="its data"), Consent(yes=True))


def test_naming_data_allows_its_loss_and_nothing_that_clients_feel_besides() -> None:
    lost = plan(Impact.DATA_LOSS, loss="its data")
    stopped = replace(lost, steps=(replace(lost.steps[0], besides=Impact.FAILOVER),))
    for bound in (None, Impact.NONE, Impact.RESTART):
        error = refusal(stopped, Consent(yes=True, max_impact=bound))
        assert error.code == "apply/impact"
        assert "--max-impact failover" in error.hint
    agree(stopped, Consent(yes=True, max_impact=Impact.FAILOVER))
    agree(replace(stopped, asked=Impact.FAILOVER), Consent(yes=True))


def test_a_person_who_says_no_changes_nothing() -> None:
    assert refusal(plan(Impact.NONE), Consent(ask=lambda: False)).code == "apply/declined"


def test_what_stands_in_the_way_is_said_before_anybody_is_asked() -> None:
    blocked = Plan("test", {}, plan(Impact.NONE).steps, blocked=("a port is taken",))
    assert refusal(blocked, Consent(yes=True)).message == "a port is taken"


def test_a_place_that_can_not_be_seen_is_left_out_only_when_told() -> None:
    away = Plan("test", {}, plan(Impact.NONE).steps, unreachable=("dc/n2",))
    assert refusal(away, Consent(yes=True)).exit is Exit.UNOBSERVED
    agree(away, Consent(yes=True, skip_unreachable=True))
