"""Dashboards into Grafana, against a stand-in (see grafana_stand_in)."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from grafana_stand_in import TOKEN, Grafana, Kept, serve

from dashboards_world import SERVICES, built, environment
from opsctl.clients.grafana import GrafanaServer
from opsctl.clients.secrets.issuing import Authority, key_pem
from opsctl.errors import Exit, OpsError
from opsctl.flow.comparing import compare
from opsctl.flow.pushing import (
    Pushed,
    choose_source,
    push,
    push_notes,
    push_source,
)
from opsctl.monitoring.dashboards.build import Built
from opsctl.monitoring.dashboards.changes import changes
from opsctl.ports import Record
from opsctl.ports.grafana import Source

SPEC = environment()
OWN = Source("opsctl_shop_prometheus", "shop (opsctl)", "http://n1:9090", "reader", "m1", "hidden")


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    with serve() as there:
        yield there


def server(there: Grafana, token: str = TOKEN) -> GrafanaServer:
    return GrafanaServer(there.url, token)


@cache
def shown(*services: str) -> tuple[Built, ...]:
    """The dashboards of these services: values, made once."""
    return built({name: SERVICES[name] for name in services})


def pushed(there: Grafana, services: Iterable[str] = SERVICES, **how: bool) -> Pushed:
    return push(server(there), SPEC, shown(*services), version="1.2.3", **how)


def test_a_push_makes_the_folder_and_every_dashboard_in_it(grafana: Grafana) -> None:
    done = pushed(grafana)
    assert grafana.folders == {"opsctl_shop_folder": "shop"}
    assert len(done.written) == len(shown(*SERVICES)) == len(grafana.dashboards)
    assert {kept.folder for kept in grafana.dashboards.values()} == {"opsctl_shop_folder"}
    assert done.exit is Exit.DONE


@pytest.mark.parametrize("old", [False, True], ids=["today", "before 11"])
def test_a_second_push_changes_nothing_and_says_so(grafana: Grafana, old: bool) -> None:
    grafana.old = old
    pushed(grafana)
    grafana.asked.clear()
    done = pushed(grafana)
    assert grafana.writes == []
    assert not done.changed
    assert done.same == len(shown(*SERVICES))


def test_what_opsctl_has_anew_is_written_over_its_own_version(grafana: Grafana) -> None:
    pushed(grafana)
    kept = grafana.dashboards["opsctl_shop_all_redis"]
    kept.versions[0]["message"] = "opsctl 1.2.2: 000000000000"
    kept.versions[0]["data"]["panels"][1]["title"] = "An older title"
    done = pushed(grafana)
    (one,) = done.written
    assert (one.state, one.uid) == ("changed", "opsctl_shop_all_redis")
    assert "An older title" in one.panels
    assert kept.newest["version"] == 2


def test_what_somebody_edited_is_left_and_told_with_who_and_which_version(
    grafana: Grafana,
) -> None:
    pushed(grafana)
    grafana.edit("opsctl_shop_environment", "ada", panels=[])
    done = pushed(grafana)
    (one,) = done.left
    assert (one.state, one.by, one.version) == ("edited", "ada", 2)
    assert one.panels
    assert grafana.dashboards["opsctl_shop_environment"].newest["version"] == 2
    assert done.exit is Exit.REFUSED


def test_an_edit_is_taken_over_when_that_is_asked_for(grafana: Grafana) -> None:
    pushed(grafana)
    grafana.edit("opsctl_shop_environment", "ada", panels=[])
    done = pushed(grafana, overwrite=True)
    assert [one.uid for one in done.written] == ["opsctl_shop_environment"]
    assert grafana.dashboards["opsctl_shop_environment"].newest["data"]["panels"]
    assert not pushed(grafana).changed


def test_a_dashboard_that_is_not_ours_is_never_touched(grafana: Grafana) -> None:
    model = {"uid": "opsctl_shop_all_redis", "title": "Mine", "tags": [], "panels": []}
    version = {"version": 1, "createdBy": "ada", "created": "", "message": "", "data": model}
    grafana.dashboards["opsctl_shop_all_redis"] = Kept("elsewhere", [version])
    done = pushed(grafana, overwrite=True, prune=True)
    assert [(one.uid, one.state) for one in done.left] == [("opsctl_shop_all_redis", "foreign")]
    assert grafana.dashboards["opsctl_shop_all_redis"].newest["data"]["title"] == "Mine"
    assert done.exit is Exit.PARTLY


def test_a_title_that_somebody_took_in_our_folder_is_refused(grafana: Grafana) -> None:
    model = {"uid": "abc", "title": "shop: overview", "tags": [], "panels": []}
    version = {"version": 1, "createdBy": "ada", "created": "", "message": "", "data": model}
    grafana.dashboards["abc"] = Kept("opsctl_shop_folder", [version])
    states = {one.title: one.state for one in compare(server(grafana), SPEC, shown(*SERVICES))}
    assert states["shop: overview"] == "foreign"
    assert set(states.values()) == {"foreign", "new"}


def test_the_dashboards_of_a_removed_service_go_when_that_is_asked_for(grafana: Grafana) -> None:
    pushed(grafana)
    fewer = [name for name in SERVICES if name != "sessions"]
    gone = {"opsctl_shop_service_sessions", "opsctl_shop_all_redis"}
    done = pushed(grafana, fewer)
    assert {one.uid for one in done.left} == gone
    assert done.exit is Exit.DONE
    assert gone <= set(grafana.dashboards)
    done = pushed(grafana, fewer, prune=True)
    assert {one.uid for one in done.removed} == gone
    assert not gone & set(grafana.dashboards)


def test_another_environments_dashboards_are_not_pruned(grafana: Grafana) -> None:
    other = environment(name="other")
    push(server(grafana), other, built(name="other"), version="1.2.3")
    pushed(grafana)
    before = set(grafana.dashboards)
    pushed(grafana, prune=True)
    assert set(grafana.dashboards) == before


def test_a_version_saved_meanwhile_is_a_conflict_and_not_overwritten(grafana: Grafana) -> None:
    pushed(grafana)
    text = next(one.text for one in shown(*SERVICES) if one.uid == "opsctl_shop_environment")
    grafana.edit("opsctl_shop_environment", "ada")
    with pytest.raises(OpsError) as raised:
        server(grafana).save(text, "opsctl_shop_folder", "m", 1)
    assert raised.value.code == "grafana/conflict"
    assert "someone else" in raised.value.message


@pytest.mark.parametrize("right", ["folders:create", "dashboards:create"])
def test_a_right_that_is_missing_is_named(grafana: Grafana, right: str) -> None:
    grafana.lacking = {right}
    with pytest.raises(OpsError) as raised:
        pushed(grafana)
    assert raised.value.code == "grafana/no-permission"
    assert raised.value.message.endswith(right)


def test_an_editor_to_whom_no_list_of_data_sources_is_given_finds_the_one_that_is_named(
    grafana: Grafana,
) -> None:
    """Grafana lists them for its admins alone, and shows them to everybody who edits."""
    grafana.lacking = {"datasources:read", "datasources:create", "datasources:write"}
    grafana.sources = [
        {"uid": "loki", "name": "Logs", "type": "loki"},
        {"uid": "prom", "name": "Metrics", "type": "prometheus", "url": "http://p:9090"},
    ]
    there = server(grafana)
    assert [(one.uid, one.name) for one in there.sources()] == [("prom", "Metrics")]
    assert choose_source(there, environment(), "Metrics", None) == "prom"
    with pytest.raises(OpsError, match=r"no-permission.*datasources:create"):
        push_source(there, OWN)


def test_a_wrong_token_is_told_and_never_shown(grafana: Grafana) -> None:
    with pytest.raises(OpsError) as raised:
        server(grafana, "glsa_wrong").sources()
    assert raised.value.code == "grafana/wrong-token"
    assert "glsa_wrong" not in str(raised.value)


def test_a_grafana_that_is_away_is_told_with_its_address(grafana: Grafana) -> None:
    there = GrafanaServer("http://127.0.0.1:9", TOKEN)
    with pytest.raises(OpsError, match=r"grafana/away.*127.0.0.1:9"):
        there.sources()


def test_a_grafana_is_believed_that_the_named_authority_certified_and_no_other(
    tmp_path: Path,
) -> None:
    theirs, others = (Authority(bytes(32), name, 1) for name in ("theirs", "others"))
    proof = tmp_path / "grafana.pem"
    certificate = theirs.issue("seed", ("127.0.0.1",), "server", time.time())
    proof.write_text(certificate + key_pem("seed"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(proof)
    with serve(proof=context) as there:
        assert GrafanaServer(there.url, TOKEN, theirs.pem).sources() == ()
        for authority in (others.pem, None):
            with pytest.raises(OpsError, match=r"grafana/away.*its certificate is refused"):
                GrafanaServer(there.url, TOKEN, authority).sources()


def test_a_grafana_below_a_path_is_found() -> None:
    with serve("/grafana") as there:
        assert pushed(there).written
        assert all(words.split()[1].startswith("/api/") for words in there.asked)


def test_a_data_source_of_ours_is_made_once_and_changed_when_something_of_it_does(
    grafana: Grafana,
) -> None:
    there = server(grafana)
    assert push_source(there, OWN) == "made"
    assert push_source(there, OWN) == ""
    rotated = Source(**{**{name: getattr(OWN, name) for name in OWN.__slots__}, "mark": "m2"})
    assert push_source(there, rotated) == "changed"
    (kept,) = grafana.sources
    assert kept["secureJsonData"] == {"basicAuthPassword": "hidden"}
    assert "hidden" not in json.dumps({**kept, "secureJsonData": {}})


def test_panels_ask_the_data_source_that_is_named_or_ours_or_the_only_one(
    grafana: Grafana,
) -> None:
    there = server(grafana)
    assert choose_source(there, SPEC, "", OWN) == OWN.uid
    with pytest.raises(OpsError, match="there is no Prometheus data source"):
        choose_source(there, SPEC, "", None)
    grafana.sources = [{"uid": "a", "name": "Main", "type": "prometheus"}]
    assert choose_source(there, SPEC, "", None) == "a"
    grafana.sources += [
        {"uid": "b", "name": "Other", "type": "prometheus"},
        {"uid": "c", "name": "Logs", "type": "loki"},
    ]
    assert choose_source(there, SPEC, "Other", None) == "b"
    with pytest.raises(OpsError, match=r"there are several.*Main, Other"):
        choose_source(there, SPEC, "", None)
    with pytest.raises(OpsError, match='no Prometheus data source "Logs"'):
        choose_source(there, SPEC, "Logs", None)


RECORDS = (
    Record("r1", "begin", 100.0, "ops@control", "apply"),
    Record("r1", "step", 101.0, "ops@control", step="sessions"),
    Record("r1", "end", 110.0, "ops@control", ended="done"),
    Record("r2", "note", 120.0, "ada@home", "lock taken from ops: stuck"),
    Record("r3", "begin", 130.0, "ops@control", "restart sessions"),
)


def test_what_was_done_becomes_annotations_once(grafana: Grafana) -> None:
    there = server(grafana)
    assert push_notes(there, SPEC, RECORDS) == 2
    assert push_notes(there, SPEC, RECORDS) == 0
    first, second = grafana.annotations
    assert (first["text"], first["time"], first["timeEnd"]) == (
        "apply by ops@control: done",
        100_000,
        110_000,
    )
    assert set(first["tags"]) == {"opsctl", "environment:shop", "run:r1"}
    assert second["text"] == "lock taken from ops: stuck (ada@home)"


def test_a_run_that_has_not_ended_is_no_annotation_yet() -> None:
    assert [note.at for note in changes(SPEC, RECORDS)] == [100.0, 120.0]


def test_no_dashboard_holds_a_secret(grafana: Grafana) -> None:
    pushed(grafana)
    push_source(server(grafana), OWN)
    held = json.dumps([kept.versions for kept in grafana.dashboards.values()])
    assert "hidden" not in held
    assert TOKEN not in held
