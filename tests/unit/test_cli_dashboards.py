"""`opsctl dashboards` and `opsctl render dashboards`, from the words typed to what is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_world import SPEC, World, make_world, wire
from grafana_stand_in import Grafana, serve

import opsctl
from opsctl.cli import dashboards, render
from opsctl.errors import Exit, OpsError
from opsctl.ports.metrics import Series
from opsctl.wiring import rendering, watching

MONITORING = """\
monitoring:
  on: dc
  grafana: {url: URL, token: {secret: grafana-token}, datasource: Main}
"""


class Answering:
    """A Prometheus that has a number for everything but what is named `empty`."""

    def __init__(self, empty: str = "no such words") -> None:
        self.empty = empty

    def now(self, expr: str) -> tuple[Series, ...]:
        return () if self.empty in expr else (Series({"service": "demo"}, ((0.0, 1.0),)),)

    def over(self, expr: str, start: float, end: float, step: float) -> tuple[Series, ...]:
        return (Series({"service": "demo"}, ((start, 1.0), (end, 1.0))),)

    def values(self, label: str, among: str) -> tuple[str, ...]:
        return ("demo-0",)


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    with serve() as there:
        there.token = "v"  # what the secrets of cli_world hold
        there.sources = [{"uid": "main", "name": "Main", "type": "prometheus"}]
        yield there


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grafana: Grafana) -> World:
    made = make_world(tmp_path, monkeypatch)
    use(made, monkeypatch, Answering())
    (tmp_path / "opsctl.yaml").write_text(SPEC + MONITORING.replace("URL", grafana.url))
    return made


def use(world: World, monkeypatch: pytest.MonkeyPatch, prometheus: Answering) -> None:
    @contextmanager
    def metrics(parts: Any, url: str = "") -> Iterator[Answering]:
        yield prometheus

    monkeypatch.setattr(watching, "metrics", metrics)
    wire(
        monkeypatch,
        parts=world.parts,
        boards=watching.boards,
        metrics=metrics,
        preview=watching.preview,
        pushing=watching.pushing,
        render_dashboards=rendering.render_dashboards,
    )
    for module in (dashboards, render):  # they hold the wiring that was there when they came
        monkeypatch.setattr(module, "wiring", opsctl.wiring)


def test_list_names_them_with_what_they_answer(
    world: World, grafana: Grafana, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("dashboards", "list", "-o", "json") == Exit.DONE
    (overview,) = json.loads(capsys.readouterr().out)
    assert overview["url"] == f"{grafana.url}/d/opsctl_shop_environment"
    assert "Services whole" in overview["panels"]


def test_diff_then_push_then_nothing_to_do(
    world: World, grafana: Grafana, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("dashboards", "diff") == Exit.DIFFERS
    assert "+ shop: overview  is not there yet" in capsys.readouterr().out
    assert world.call("dashboards", "push", "--dry-run") == Exit.DONE
    assert grafana.writes == []
    assert world.call("dashboards", "push") == Exit.DONE
    assert "1 written, 0 removed, 0 as before" in capsys.readouterr().out
    panel = grafana.dashboards["opsctl_shop_environment"].newest["data"]["panels"][1]
    assert panel["datasource"]["uid"] == "main"
    assert world.call("dashboards", "push") == Exit.DONE
    assert "nothing to do: 1 dashboard" in capsys.readouterr().out
    assert world.call("dashboards", "diff") == Exit.DONE


def test_who_can_not_be_asked_what_was_done_is_named(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def silent(limit: int) -> Any:
        raise OpsError("ssh/timeout", "no answer", where="host n2")

    monkeypatch.setattr(world.target, "history", silent)
    assert world.call("dashboards", "push") == Exit.DONE
    out = capsys.readouterr().out
    assert "changes that host n2 alone knows of are not there" in out
    assert "error[ssh/timeout] host n2" in out
    assert world.call("dashboards", "push", "-o", "json") == Exit.DONE
    (away,) = json.loads(capsys.readouterr().out)["unreachable"]
    assert away["code"] == "ssh/timeout"
    page = tmp_path / "page.html"
    assert world.call("render", "dashboards", "--preview", str(page)) == Exit.DONE
    assert "changes that host n2 alone knows of are not on the page" in capsys.readouterr().err
    assert page.exists()


def test_an_edit_is_told_with_the_way_to_take_it_over(
    world: World, grafana: Grafana, capsys: pytest.CaptureFixture[str]
) -> None:
    world.call("dashboards", "push")
    grafana.edit("opsctl_shop_environment", "ada", panels=[])
    assert world.call("dashboards", "push") == Exit.REFUSED
    out = capsys.readouterr().out
    assert "was edited by ada, version 2" in out
    assert "`--overwrite` takes it over" in out
    assert world.call("dashboards", "push", "--overwrite") == Exit.DONE


def test_check_fails_for_an_empty_panel_and_names_its_query(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.call("dashboards", "check") == Exit.DONE
    assert "0 panels empty" in capsys.readouterr().out
    use(world, monkeypatch, Answering(empty="max by (host)"))
    assert world.call("dashboards", "check") == Exit.DIFFERS
    out = capsys.readouterr().out
    assert "! shop: overview / Hosts  no data" in out
    assert 'max by (host) (up{environment="shop"' in out


def test_without_a_grafana_in_the_spec_the_way_is_told(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    (world.folder / "opsctl.yaml").write_text(SPEC)
    assert world.call("dashboards", "push") == Exit.INPUT
    assert "opsctl render dashboards DIR" in capsys.readouterr().err


def test_render_writes_files_without_secrets_and_drops_those_of_what_is_gone(
    world: World, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    gone, foreign = folder / "dashboards" / "service-old.json", folder / "dashboards" / "mine.json"
    gone.parent.mkdir(parents=True)
    gone.write_text('{"uid": "opsctl_shop_service_old"}')
    foreign.write_text('{"uid": "mine"}')
    assert world.call("render", "dashboards", str(folder)) == Exit.DONE
    written = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    assert written == {
        "provider.yaml",
        "datasource.yaml",
        "dashboards/environment.json",
        "dashboards/mine.json",
    }


def test_a_preview_is_one_page(world: World, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert world.call("render", "dashboards", "--preview", str(page), "--last", "30") == Exit.DONE
    text = page.read_text()
    assert "shop: overview" in text
    assert "uPlot" in text


def test_render_says_where_it_can_not_write(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for words in ([str(file)], [str(file / "below")], ["--preview", str(tmp_path)]):
        assert world.call("render", "dashboards", *words) == Exit.FAILED
        assert "error[render/unwritable]" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_render_wants_to_know_where(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.call("render", "dashboards") == Exit.INPUT
    assert "--preview FILE.html" in capsys.readouterr().err
