"""Bad input: each mistake has a code, a place that can be underlined, and a next step."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_model_demo import HEAD, HOSTS, LAB, loaded, mistake, mistakes, spanned
from test_model_loading import WEB

from opsctl.errors import Exit, Place
from opsctl.model.codes import ERRORS


def test_the_error_of_the_reference_is_underlined_as_it_shows(tmp_path: Path) -> None:
    text = LAB + "\n\nservices:\n  sessions: {engine: demo, on: dc, replica: 3}\n"
    error = mistake(tmp_path, text)
    line = "  sessions: {engine: demo, on: dc, replica: 3}"
    assert error.code == "spec/unknown-key"
    assert error.message == 'a demo service has no key "replica"'
    assert error.hint == 'did you mean "replicas"?'
    assert error.where == Place(tmp_path / "spec0.yaml", 7, 36, 7, line)
    assert error.exit is Exit.INPUT


@pytest.mark.parametrize(
    ("text", "code", "underlined", "message", "hint"),
    [
        (LAB + WEB % "replicas: three", "spec/wrong-type", "three",
         '"replicas" wants a whole number, not the text "three"', ""),
        (LAB + WEB % 'replicas: "3"', "spec/wrong-type", '"3"',
         '"replicas" wants a whole number, not the text "3"', ""),
        (LAB + WEB % "replicas: 2.5", "spec/wrong-type", "2.5",
         '"replicas" wants a whole number, not 2.5', ""),
        (LAB + WEB % "replicas: 0", "spec/value", "0", '"replicas" must be at least 1', ""),
        (LAB + WEB % "version: 7.10", "spec/wrong-type", "7.10",
         '"version" wants a text, not 7.1', 'quote it: "7.10"'),
        (LAB + WEB % "protect: yes", "spec/wrong-type", "yes",
         '"protect" wants true or false, not the text "yes"', ""),
        (LAB + WEB % "mode: votng", "spec/value", "votng",
         '"mode" is voting or copying, not "votng"', 'did you mean "voting"?'),
        (LAB + WEB % "slo: 3", "spec/wrong-type", "3", '"slo" wants a map, not 3', ""),
        (LAB + WEB % "slo: {availability: 100}", "spec/value", "100",
         '"availability" must be less than 100', ""),
        (LAB + WEB % "settings: {x: {a: b}}", "spec/wrong-type", "x",
         '"x" wants a text, a number or true or false, not a map', ""),
        (LAB + WEB % "users: [{name: a}, {name: b, kees: x}]", "spec/unknown-key", "kees",
         'a user has no key "kees"', 'did you mean "keys"?'),
        (LAB + WEB % "users: [{}]", "spec/missing-key", "{",
         'a user needs the key "name"', "name: The name to log in with."),
        (LAB + WEB % "users: [3]", "spec/wrong-type", "3",
         'an item of "users" wants a map, not 3', ""),
        (LAB + WEB % "users: 3", "spec/wrong-type", "3", '"users" wants a list, not 3', ""),
        (LAB + WEB % 'backup: {schedule: "daily"}', "spec/value", '"daily"',
         '"daily" is no schedule: it has 1 field, not five', 'such as "0 3 * * *" (daily at 3)'),
        (LAB + WEB % "storage: {path: data}", "spec/value", "data",
         '"path" can\'t be "data"',
         "path: The data folder, an absolute path without spaces (hosts)."),
        (LAB + WEB % "storage: {path: /my data}", "spec/value", "/my data",
         '"path" can\'t be "/my data"',
         "path: The data folder, an absolute path without spaces (hosts)."),
        (LAB + WEB % "storage: {path: /100%}", "spec/value", "/100%",
         '"path" can\'t be "/100%"',
         "path: The data folder, an absolute path without spaces (hosts)."),
        (LAB + "services: {web: {engine: demo, external: {addresses: ['a:76379']}}}\n",
         "spec/value", "'a:76379'", '"76379" is no port', "1 to 65535"),
        (LAB + WEB % "external: {addresses: ['a:1']}", "spec/value", "dc",
         'an external service is not managed, so "on" means nothing',
         'remove "on", or "external"'),
        (LAB + "services: {web: {engine: demo}}\n", "spec/missing-key", "web",
         'a service needs the key "on"', "on: the target's name"),
        (LAB + "services: {web: {on: dc}}\n", "spec/missing-key", "web",
         'the service "web" needs the key "engine"', "known: demo"),
        (LAB + "services: {web: {engine: dmo, on: dc}}\n", "spec/unknown-engine", "dmo",
         'there is no engine "dmo"', 'did you mean "demo"?'),
        (LAB + "services: {web: [demo]}\n", "spec/wrong-type", "web",
         'the service "web" wants a map', "such as {engine: ..., on: ...}"),
        (LAB + "services: 3\n", "spec/wrong-type", "3", '"services" wants a map, not 3', ""),
        (LAB + "services: {web: {engine: demo, on: cd}}\n", "spec/unknown-target", "cd",
         'there is no target "cd"', "known: dc"),
        (HEAD + "targets: {dc: {hosts: {a: {networks: {data: 10.9.0.1}}}}}\n", "spec/not-built",
         "networks", "a host with addresses in several networks is not built yet",
         "leave it out: services listen at the host's address"),
        (HEAD + "targets: {dc: {hosts: lab, packages: {offline: ./debs}}}\n", "spec/not-built",
         "./debs", "installing from a folder of artifacts is not built yet",
         "mirror: URL of a package mirror that the hosts reach, or proxy: URL"),
        (LAB + "services: {We_b: {engine: demo, on: dc}}\n", "spec/bad-name", "We_b",
         '"We_b" is no name: lower-case letters, digits and inner dashes only',
         'did you mean "we-b"?'),
        (LAB + "routes: {r: {to: web}}\n", "spec/unknown-service", "web",
         'there is no service "web"', ""),
        (LAB + WEB % "port: 1" + "routes: {r: {to: wob}}\n", "spec/unknown-service", "wob",
         'there is no service "wob"', 'did you mean "web"?'),
        (LAB + WEB % "port: 1" + "routes: {r: {to: web, vip: 10.0.0.300}}\n", "spec/value", "vip",
         '"10.0.0.300" is no IP address', "such as 10.0.0.100/24"),
        (LAB + "monitoring: {on: mc}\n", "spec/unknown-target", "mc",
         'there is no target "mc"', "known: dc"),
        (LAB + "secrets: {backend: env, path: x}\n", "spec/value", "x",
         '"path" means nothing to this backend', "only backend: file has it"),
        (LAB + "secrets: {backend: vault}\n", "spec/value", "vault",
         '"backend" is file or env, not "vault"', ""),
        (HEAD + "targets: {dc: {hosts: lap}}\n", "spec/value", "lap", '"lap" says no hosts',
         "hosts is lab, lab:NAME, a map of hosts or {inventory: FILE, group: GROUP}"),
        (HEAD + "targets: {dc: {hosts: {n1: {adress: a}}}}\n", "spec/unknown-key", "adress",
         'a host has no key "adress"', 'did you mean "address"?'),
        (HEAD + "targets: {dc: {hosts: {n1: {address: -oProxyCommand=x}}}}\n", "spec/value",
         "-oProxyCommand=x", '"address" can\'t be "-oProxyCommand=x"',
         "address: Name or IP address. Left out: the host's own name."),
        (HEAD + "targets: {dc: {hosts: {N1: {}}}}\n", "spec/bad-name", "N1",
         '"N1" is no name: lower-case letters, digits and inner dashes only',
         'did you mean "n1"?'),
        (HEAD + "targets: {dc: {hosts: {}}}\n", "spec/value", "hosts", '"hosts" is empty', ""),
        (HEAD + "targets: {dc: {hostes: lab}}\n", "spec/unknown-key", "hostes",
         'a hosts target has no key "hostes"', 'did you mean "hosts"?'),
        (HEAD + "targets: {dc: {kubernetes: {contxt: a}}}\n", "spec/unknown-key", "contxt",
         'kubernetes has no key "contxt"', 'did you mean "context"?'),
        ("name: shop\n", "spec/missing-key", "n", 'a spec needs the key "opsctl"',
         "opsctl: The version of this schema."),
        ("opsctl: 2\nname: [shop]\n", "spec/newer-schema", "2",
         "this spec was written for a newer opsctl (schema 2; this one reads 1)",
         "install a newer opsctl"),
        ("opsctl: 1\nname: " + "x" * 41 + "\n", "spec/bad-name", "x" * 41,
         f'the name "{"x" * 41}" has 41 characters', "at most 40"),
        ("- a\n", "spec/wrong-type", "-", "a spec is a map of keys",
         "`opsctl init` starts a spec"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_underlined_and_answered(
    tmp_path: Path, text: str, code: str, underlined: str, message: str, hint: str
) -> None:
    error = mistake(tmp_path, text)
    said = (error.code, spanned(error.where), error.message, error.hint)
    assert said == (code, underlined, message, hint)
    assert code in ERRORS


def test_all_mistakes_of_all_sections_are_reported_together_in_reading_order(
    tmp_path: Path,
) -> None:
    text = """\
opsctl: 1
name: Shop
wat: 1
targets: {dc: {hosts: lab, firewall: of}}
services:
  a: {engine: demo, on: dc, memory: 5, replica: 2}
  b: {engine: none}
routes: {r: {role: leader}}
"""
    found = mistakes(tmp_path, text)
    assert [
        (error.code, error.where.line) for error in found if isinstance(error.where, Place)
    ] == [
        ("spec/bad-name", 2),
        ("spec/unknown-key", 3),
        ("spec/value", 4),
        ("spec/unit", 6),
        ("spec/unknown-key", 6),
        ("spec/unknown-engine", 7),
        ("spec/missing-key", 8),
        ("spec/value", 8),
    ]


def test_a_service_with_a_mistake_still_counts_as_there(tmp_path: Path) -> None:
    text = LAB + WEB % "replica: 3" + "routes: {r: {to: web}}\n"
    assert [error.code for error in mistakes(tmp_path, text)] == ["spec/unknown-key"]


def test_a_mistake_behind_an_alias_is_said_once(tmp_path: Path) -> None:
    text = LAB + (
        "services:\n"
        "  a: {engine: demo, on: dc, slo: &slo {rto: 5}}\n"
        "  b: {engine: demo, on: dc, slo: *slo}\n"
    )
    assert mistake(tmp_path, text).code == "spec/unit"


def test_an_unknown_host_is_answered_with_the_nearest(tmp_path: Path) -> None:
    error = mistake(tmp_path, HOSTS + WEB % "place: {hosts: [n1, n2, nn3]}")
    assert (error.code, spanned(error.where)) == ("spec/unknown-host", "nn3")
    assert error.hint == 'did you mean "n3"?'


@pytest.mark.parametrize(
    "keys", ["replicas: 4", "place: {hosts: [n1, n2]}", "place: {labels: {disk: nvme}}",
             "place: {count: 1}"]
)  # fmt: skip
def test_more_members_than_hosts_are_refused(tmp_path: Path, keys: str) -> None:
    error = mistake(tmp_path, HOSTS + WEB % keys)
    assert (error.code, spanned(error.where)) == ("spec/too-few-hosts", "web")


def test_hosts_that_only_the_lab_or_an_inventory_knows_are_not_counted(tmp_path: Path) -> None:
    assert loaded(tmp_path, LAB + WEB % "replicas: 9").services["web"].replicas == 9
    inventory = HEAD + "targets: {dc: {hosts: {inventory: hosts.ini}}}\n"
    assert loaded(tmp_path, inventory + WEB % "replicas: 9").services["web"].replicas == 9


def test_one_port_for_two_services_that_must_share_a_host_is_refused(tmp_path: Path) -> None:
    both = "services:\n  a: {engine: demo, on: dc, port: 7000}\n  b: {engine: demo, on: dc, %s}\n"
    error = mistake(tmp_path, HOSTS + both % "port: 7000")
    assert (error.code, spanned(error.where)) == ("spec/duplicate-port", "7000")
    loaded(tmp_path, HOSTS + both % "port: 7001")
    loaded(tmp_path, HOSTS + both % "port: 7000, state: absent")


@pytest.mark.parametrize("text", ["", "# opsctl: 1\n"])
def test_a_file_in_which_nothing_stands_is_named(tmp_path: Path, text: str) -> None:
    error = mistake(tmp_path, text)
    assert error.code == "spec/wrong-type"
    assert error.where == str(tmp_path / "spec0.yaml")
    assert error.message == "a spec is a map of keys, and nothing stands here"
    assert loaded(tmp_path, LAB + WEB % "replicas: 3", text).name
