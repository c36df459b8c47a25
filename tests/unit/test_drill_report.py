"""From log lines and a client's record to phases, a verdict and a report."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from drill_world import SIGNS, SUBJECT, WALL, document, events, failed, lossy, outage, passed
from opsctl.data import folder
from opsctl.drills import forms
from opsctl.drills.document import Document, read_document, read_ready
from opsctl.drills.faults import fault
from opsctl.drills.measure import measure
from opsctl.drills.page import page
from opsctl.drills.report import Report, from_json, report, to_json
from opsctl.drills.summary import cut_off, summaries
from opsctl.drills.timeline import Event, LogLine, Offset, Stage, merged, spotted, stages
from opsctl.drills.verdict import Verdict, judge
from opsctl.errors import OpsError
from opsctl.model.services import Slo


def template() -> str:
    return (folder("templates") / "drills" / "report.html.j2").read_text()


def verdict(found: Document, strike: float = 4.0, **slo: Any) -> Verdict:
    return judge(found, measure(found, strike), Slo.model_validate(slo) if slo else None)


def stage(found: tuple[Stage, ...], phase: str) -> Stage:
    return next(one for one in found if one.phase == phase)


def test_a_sign_fills_its_words_with_what_the_line_says() -> None:
    line = LogLine(1.0, "n2", "+switch-master db 10.0.0.1 6379 10.0.0.2 6379")
    assert list(spotted([line], SIGNS)) == [Event(1.0, "n2", "elected", "10.0.0.2 is elected")]
    assert list(spotted([LogLine(1.0, "n2", "nothing")], SIGNS)) == []


def test_hosts_whose_clocks_differ_are_put_in_one_order() -> None:
    found = merged(
        [Event(10.5, "fast", "elected", "second"), Event(10.0, "n1", "detected", "first"),
         Event(9.9, "slow", "switched", "third")],
        {"fast": Offset(0.4, 0.01), "slow": Offset(-0.3, 0.02)},
    )  # fmt: skip
    assert [one.words for one in found] == ["first", "second", "third"]
    assert [one.at for one in found] == pytest.approx([10.0, 10.1, 10.2])
    assert [one.uncertainty for one in found] == [0.0, 0.01, 0.02]


def test_what_was_detected_before_the_strike_is_not_its_doing() -> None:
    old, new = Event(1.0, "n1", "detected", "old"), Event(3.5, "n1", "detected", "new")
    found = stages([old, Event(2.0, "n1", "strike", ""), new, Event(4.0, "c", "served", "")])
    assert stage(found, "detected").words == "new"
    assert stage(found, "elected").since_strike is None
    assert stage(found, "served").since_previous == 0.5


def test_a_clock_that_is_not_exact_may_put_the_detection_a_bit_before_the_strike() -> None:
    found = stages([Event(1.99, "n2", "detected", "", 0.02), Event(2.0, "n1", "strike", "")])
    assert stage(found, "detected").since_strike == pytest.approx(-0.01)


def test_without_a_strike_there_are_no_phases() -> None:
    assert stages([Event(1.0, "n1", "detected", "")]) == ()


def test_a_cut_off_within_the_promise_passes() -> None:
    assert verdict(document(outage()), rto="3s", rpo=0).result == "passed"


def test_a_cut_off_beyond_the_promise_fails() -> None:
    said = verdict(document(outage()), rto="2s")
    assert (said.result, said.reasons) == (
        "failed", ("Clients were cut off for 2.21 s; 2s is promised.",),
    )  # fmt: skip


def test_lost_writes_fail_a_promise_of_none_and_keep_one_of_a_second() -> None:
    assert verdict(lossy(), rpo=0).result == "failed"
    assert verdict(lossy(), rpo="1s").result == "passed"


def test_without_a_slo_it_neither_passes_nor_fails() -> None:
    said = verdict(lossy())
    assert (said.result, said.reasons) == ("no slo", ("No slo, so neither passed nor failed.",))


def test_a_service_that_was_not_there_before_gives_no_result() -> None:
    assert verdict(document([], outcome="never-served"), rto="2s").result == "no result"


def test_losses_that_nobody_could_count_are_no_pass() -> None:
    found = document(outage(), read_back=None, read_back_problem="connect: timeout")
    said = verdict(found, rto="3s", rpo=0)
    assert (said.result, "connect: timeout" in said.reasons[0]) == ("no result", True)
    assert verdict(found, rto="1s", rpo=0).result == "failed"


def test_the_service_is_not_blamed_for_a_client_that_stood_still() -> None:
    said = verdict(document(outage(), stalls=((4.2, 0.9),)), rto="2s")
    assert said.result == "no result"
    assert "stood still for 900 ms" in said.reasons[0]


def test_a_run_that_ends_in_a_cut_off_is_no_pass() -> None:
    found = document(outage(4.0, 99.0, total=5.0))
    assert verdict(found, rto="10s").result == "no result"
    assert verdict(found, rto="1s").result == "failed"
    assert "still did not serve" in verdict(found).remarks[0]


def test_one_fault_may_not_use_up_a_month() -> None:
    assert verdict(document(outage()), availability=99.9).result == "passed"
    assert verdict(document(outage()), availability=99.99999).result == "failed"


@pytest.mark.parametrize("made", [failed, passed])
def test_a_report_survives_its_json(made: Any) -> None:
    assert from_json(to_json(made())) == made()


def test_a_report_of_another_version_is_not_read() -> None:
    raw = json.loads(to_json(passed()))
    with pytest.raises(OpsError, match="version 99"):
        from_json(json.dumps(raw | {"version": 99}))
    with pytest.raises(OpsError, match="no report"):
        from_json("[]")
    del raw["bins"]
    with pytest.raises(OpsError, match="bins"):
        from_json(json.dumps(raw))


def test_the_clients_clock_is_set_right() -> None:
    struck = Event(WALL + 4.0, "n1", "strike", "")
    found = report(
        "d", SUBJECT, fault("primary-host"), document(outage(), wall=WALL + 30), (struck,), None,
        ahead=30.0,
    )  # fmt: skip
    assert found.strike == pytest.approx(4.0)
    assert stage(found.stages, "served").since_strike == pytest.approx(2.2, abs=0.01)


def test_without_a_strike_nothing_has_passed() -> None:
    slo = Slo.model_validate({"rto": "9s"})
    found = report("d", SUBJECT, fault("primary-host"), document(outage()), (), slo)
    assert (found.verdict.result, found.verdict.reasons) == ("no result", ("Nothing was struck.",))
    assert page(found, template())


def test_words_of_a_log_can_not_become_a_page_or_a_table() -> None:
    evil = Event(WALL + 5, "n<2>", "detected", "<script>x</script> | a\nb")
    text = page(replace(failed(), events=(*events(), evil)), template())
    assert "<script>" not in text
    assert "n<2>" not in text
    lines = forms.markdown(replace(failed(), events=(evil,))).splitlines()
    assert "| +1.00 s | n&lt;2> | detected | &lt;script>x&lt;/script> \\| a b |" in lines


@pytest.mark.parametrize("made", [failed, passed])
def test_the_page_needs_nothing_from_elsewhere_and_is_well_formed(made: Any) -> None:
    text = page(made(), template())
    assert not any(
        word in text for word in ("http:", "https:", "url(", "<script", "@import", "src=")
    )
    svg = text[text.index('<svg viewBox="0 0 1000') : text.index("</figure>")]
    assert len(list(ElementTree.fromstring(svg))) > 50


@pytest.mark.parametrize("attempts", [[], outage()[:1], outage(4.0, 99.0, total=70.0)])
def test_any_run_can_be_shown(attempts: list[Any]) -> None:
    found = report("d", SUBJECT, fault("primary-host"), document(attempts), events(), None)
    assert page(found, template())
    assert forms.markdown(found)
    assert list(forms.lines(found))


def test_the_first_line_of_a_client_that_was_served_is_when_to_strike() -> None:
    assert read_ready('{"ready":{"at":3.0,"wall":1800000003.0}}') == 1_800_000_003.0


@pytest.mark.parametrize(
    "said", ["", "Permission denied", "[1]", '{"document":{"version":9}}', '{"document":{}}',
             '{"document":{"version":1,"outcome":"served"}}'],
)  # fmt: skip
def test_what_is_no_record_is_an_error(said: str) -> None:
    with pytest.raises(OpsError, match="drills/no-document"):
        read_document(said)
    with pytest.raises(OpsError, match="drills/no"):
        read_ready(said)


def test_a_passed_report_says_so_first() -> None:
    value: Report = passed()
    assert next(forms.lines(value)) == "PASSED: clients were cut off for 310 ms, nothing lost."


def test_several_runs_are_one_line_with_their_worst() -> None:
    runs = [passed(), failed(), failed()]
    (one,) = summaries(replace(each, fault="pause") for each in runs)
    took = sorted(map(cut_off, runs))
    assert (one.runs, one.median, one.worst) == (3, took[1], took[2])
    assert dict(one.results) == {"passed": 1, "failed": 2}
    assert one.lost == sum(each.measurement.fates.lost for each in runs if each.measurement.fates)
