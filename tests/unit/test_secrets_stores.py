"""Secrets from variables and from a command."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from opsctl.clients.secrets import ROOT_KEY, EnvironmentSecrets, Variables
from opsctl.clients.secrets.command import Command
from opsctl.clients.secrets.deriving import new_root_key
from opsctl.errors import OpsError


def script(tmp_path: Path, body: str, timeout: float = 20) -> Command:
    (tmp_path / "get.py").write_text(f"import os, sys, time\nname = sys.argv[-1]\n{body}\n")
    return Command((sys.executable, "-I", "get.py"), tmp_path, timeout)


def code_of(call: object, *arguments: object) -> str:
    assert callable(call)
    with pytest.raises(OpsError) as caught:
        call(*arguments)
    assert caught.value.hint or caught.value.code == "secrets/exists"
    return caught.value.code


def test_variables_are_taken_out_of_the_environment() -> None:
    environ = {"OPSCTL_ROOT_KEY": "r", "OPSCTL_SECRET_GRAFANA_TOKEN": "g", "PATH": "/bin"}
    variables = Variables.take(environ)
    assert environ == {"PATH": "/bin"}
    assert variables.get(ROOT_KEY) == "r"
    assert variables.get("grafana-token") == variables.get("Grafana.Token") == "g"
    assert variables.get("other") is None
    assert variables.names() == ("grafana-token", ROOT_KEY)


def test_an_empty_variable_is_none() -> None:
    assert Variables({"OPSCTL_ROOT_KEY": ""}).get(ROOT_KEY) is None


def test_variables_are_read_only_and_say_what_to_do() -> None:
    variables = Variables({})
    assert code_of(variables.put, "a", "b") == "secrets/read-only"
    assert code_of(variables.begin, "k") == "secrets/read-only"
    assert code_of(Variables({"OPSCTL_ROOT_KEY": "r"}).begin, "k") == "secrets/exists"


def test_a_command_is_given_the_name_last_and_its_output_is_the_value(tmp_path: Path) -> None:
    store = script(tmp_path, "print('value of', name)\nprint()")
    assert store.get("a; exit 1") == "value of a; exit 1\n"


def test_a_command_is_asked_once(tmp_path: Path) -> None:
    store = script(tmp_path, "open('asked', 'a').write(name)\nprint('v')")
    assert [store.get("a"), store.get("a")] == ["v", "v"]
    assert (tmp_path / "asked").read_text() == "a"


def test_a_command_that_prints_nothing_has_no_such_secret(tmp_path: Path) -> None:
    assert script(tmp_path, "").get("a") is None


def test_a_command_does_not_inherit_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSCTL_SECRET_X", "geheim")
    monkeypatch.setenv("OPSCTL_ROOT_KEY", "geheim")
    assert script(tmp_path, "print('geheim' in os.environ.values())").get("a") == "False"
    assert os.environ["OPSCTL_SECRET_X"] == "geheim"  # its environment, not ours


def test_a_failing_command_tells_its_last_words_and_never_its_output(tmp_path: Path) -> None:
    store = script(
        tmp_path,
        "print('geheim')\nprint('warm-up\\nno \\x1b[31msuch key', file=sys.stderr)\nexit(3)",
    )
    with pytest.raises(OpsError) as caught:
        store.get("token")
    error = caught.value
    assert error.code == "secrets/exec-failed"
    assert error.message == "the secret token could not be had: no [31msuch key (exit code 3)"
    assert "geheim" not in f"{error!r} {error} {error.details} {error.__context__!r}"


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    store = script(tmp_path, "print('geheim', flush=True)\ntime.sleep(60)", timeout=0.3)
    began = time.monotonic()
    with pytest.raises(OpsError) as caught:
        store.get("token")
    assert time.monotonic() - began < 10
    assert caught.value.code == "secrets/exec-timeout"
    assert caught.value.__context__ is None  # TimeoutExpired would hold what was printed


def test_commands_that_are_none_are_one_clear_error(tmp_path: Path) -> None:
    assert code_of(Command(("/no/such",), tmp_path).get, "a") == "secrets/exec-failed"
    assert code_of(script(tmp_path, "os.write(1, b'\\xff')").get, "a") == "secrets/exec-failed"
    assert code_of(Command(("true",), tmp_path).put, "a", "b") == "secrets/read-only"
    assert code_of(Command(("true",), tmp_path).begin, "a") == "secrets/read-only"


def test_the_root_key_comes_from_the_command_by_its_name(tmp_path: Path) -> None:
    root = new_root_key()
    store = script(tmp_path, f"print({root!r} if name == 'root-key' else '')")
    by_command = EnvironmentSecrets("shop", store, {})
    by_variable = EnvironmentSecrets("shop", Variables({"OPSCTL_ROOT_KEY": root}), {})
    assert by_command.key == by_variable.key is not None


def test_the_root_key_is_told_though_hosts_that_the_spec_names_are_not_there(
    tmp_path: Path,
) -> None:
    from opsctl.wiring import secrets

    key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    (tmp_path / "tell").write_text(f"#!/bin/sh\necho {key}\n")
    (tmp_path / "tell").chmod(0o755)
    spec = tmp_path / "opsctl.yaml"
    spec.write_text(
        "opsctl: 1\nname: shop\ntargets: {dc: {hosts: lab:nowhere}}\n"
        "services: {sessions: {engine: redis, on: dc, replicas: 3}}\n"
        "secrets: {backend: {exec: [./tell]}}\n"
    )
    assert secrets([spec]).show("root-key") == key
