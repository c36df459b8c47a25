"""The encrypted file and its password."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from opsctl.clients import vault
from opsctl.clients.secrets import ROOT_KEY, EnvironmentSecrets, Variables, content
from opsctl.clients.secrets.encrypted import EncryptedFile
from opsctl.clients.secrets.password import PasswordFile
from opsctl.clients.secrets.variables import WithVariables
from opsctl.errors import Exit, OpsError


@pytest.fixture
def password(tmp_path: Path) -> PasswordFile:
    return PasswordFile("shop", home=tmp_path / "home")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "spec").mkdir()
    return tmp_path / "spec" / "opsctl.secrets.yml"


def opened(path: Path, password: PasswordFile) -> EnvironmentSecrets:
    return EnvironmentSecrets("shop", EncryptedFile(path, password), {})


def refused(code: str, call: object, *arguments: object) -> OpsError:
    assert callable(call)
    with pytest.raises(OpsError) as caught:
        call(*arguments)
    assert caught.value.code == code
    return caught.value


def test_init_makes_the_password_and_the_file_for_their_owner_only(
    path: Path, password: PasswordFile
) -> None:
    assert opened(path, password).init()
    assert path.stat().st_mode & 0o777 == 0o600
    assert password.path.stat().st_mode & 0o777 == 0o600
    assert password.path.name == "shop.vault-password"
    assert password.path.parent.stat().st_mode & 0o777 == 0o700
    assert path.read_text().startswith("$ANSIBLE_VAULT;1.1;AES256\n")
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_same_passwords_come_back_in_the_next_process(
    path: Path, password: PasswordFile
) -> None:
    first = opened(path, password)
    first.init()
    second = opened(path, password)
    assert first.key
    assert first.key == second.key
    assert first.show("a", ["a"]) == second.show("a", ["a"])


def test_a_second_init_is_refused_and_changes_nothing(path: Path, password: PasswordFile) -> None:
    opened(path, password).init()
    before = path.read_bytes()
    error = refused("secrets/exists", opened(path, password).init)
    assert error.exit == Exit.REFUSED
    assert path.read_bytes() == before


def test_nothing_is_made_on_the_way(path: Path, password: PasswordFile) -> None:
    secrets = opened(path, password)
    assert secrets.key is None
    assert secrets.names() == ()
    refused("secrets/no-root-key", secrets.require_key)
    refused("secrets/no-password", secrets.set, "token", "value")
    assert not path.exists()
    assert not password.path.exists()


def test_values_are_kept_beside_the_root_key(path: Path, password: PasswordFile) -> None:
    secrets = opened(path, password)
    secrets.init()
    secrets.set("grafana-token", "one")
    secrets.set("oncall/url", "line\nline \u2713 \x85 \u2028 \U0001f511 \x07 \x7f\"'")
    secrets.set("grafana-token", "two")
    again = opened(path, password)
    assert [known.name for known in again.names()] == ["grafana-token", "oncall/url", ROOT_KEY]
    assert again.show("grafana-token", ()) == "two"
    assert again.show("oncall/url", ()) == "line\nline \u2713 \x85 \u2028 \U0001f511 \x07 \x7f\"'"
    assert again.key == secrets.key


def test_people_who_set_at_once_lose_nothing(path: Path, password: PasswordFile) -> None:
    opened(path, password).init()
    names = [f"secret-{number}" for number in range(8)]
    threads = [
        threading.Thread(target=opened(path, password).set, args=(name, "value")) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {known.name for known in opened(path, password).names()} == {*names, ROOT_KEY}


def test_without_the_password_nothing_is_known_and_nothing_fails(
    path: Path, password: PasswordFile
) -> None:
    opened(path, password).init()
    password.path.unlink()
    secrets = opened(path, password)
    assert secrets.key is None
    error = refused("secrets/no-root-key", secrets.require_key)
    assert str(password.path) in error.hint
    assert str(password.path) in refused("secrets/exists", secrets.init).hint
    assert str(password.path) in refused("secrets/no-password", secrets.set, "a", "b").hint
    assert not password.path.exists()


def test_a_wrong_password_says_where_it_came_from(path: Path, password: PasswordFile) -> None:
    opened(path, password).init()
    password.path.write_text("another\n")
    error = refused("secrets/wrong-password", lambda: opened(path, password).key)
    assert str(password.path) in error.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_password_that_others_may_read_is_refused(
    path: Path, password: PasswordFile, mode: int
) -> None:
    opened(path, password).init()
    password.path.chmod(mode)
    error = refused("secrets/password-open", lambda: opened(path, password).key)
    assert error.hint == f"chmod 600 {password.path}"


def test_password_files_that_are_none_are_refused(tmp_path: Path) -> None:
    where = tmp_path / "password"
    refused("secrets/password-file", PasswordFile("shop", where).read)
    where.write_text("\n")
    where.chmod(0o600)
    refused("secrets/password-file", PasswordFile("shop", where).read)
    where.write_text("#!/bin/sh\necho pw\n")
    where.chmod(0o700)
    refused("secrets/password-file", PasswordFile("shop", where).read)
    refused("secrets/password-file", PasswordFile("shop", tmp_path).read)


def test_the_variable_goes_before_the_spec_and_the_spec_before_our_own(tmp_path: Path) -> None:
    named, configured = tmp_path / "named", tmp_path / "configured"
    assert PasswordFile("shop", named, configured).path == named
    assert PasswordFile("shop", None, configured).path == configured
    assert PasswordFile("shop", home=tmp_path).path.is_relative_to(tmp_path / ".config")


def test_a_fresh_clone_works_with_the_root_key_in_a_variable(
    path: Path, password: PasswordFile, tmp_path: Path
) -> None:
    first = opened(path, password)
    first.init()
    root = first.show(ROOT_KEY, ())
    elsewhere = PasswordFile("shop", home=tmp_path / "elsewhere")
    handed = Variables({"OPSCTL_ROOT_KEY": root})
    for file in (path, path.with_name("none.yml")):
        clone = EnvironmentSecrets(
            "shop", WithVariables(EncryptedFile(file, elsewhere), handed), {}
        )
        assert clone.key == first.key
        assert clone.show("a", ["a"]) == first.show("a", ["a"])
    assert not clone.init()  # the key that was handed over is kept
    assert opened(path.with_name("none.yml"), elsewhere).key == first.key


def test_another_root_key_in_the_variable_is_refused(path: Path, password: PasswordFile) -> None:
    opened(path, password).init()
    handed = Variables({"OPSCTL_ROOT_KEY": "A" * 43 + "="})
    store = WithVariables(EncryptedFile(path, password), handed)
    refused("secrets/two-root-keys", lambda: EnvironmentSecrets("shop", store, {}).key)


def test_a_brought_root_key_must_be_sound_before_it_is_kept(
    path: Path, password: PasswordFile
) -> None:
    store = WithVariables(EncryptedFile(path, password), Variables({"OPSCTL_ROOT_KEY": "cut"}))
    refused("secrets/bad-root-key", EnvironmentSecrets("shop", store, {}).init)
    assert not path.exists()


def test_a_folder_that_is_not_there_is_one_clear_error(path: Path, password: PasswordFile) -> None:
    secrets = opened(path.parent / "none" / "file.yml", password)
    refused("secrets/unwritable", secrets.init)


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_what_is_written_reads_the_same_here_and_as_yaml(values: dict[str, str]) -> None:
    written = content.write(values)
    assert content.read(written, "here") == values
    assert (YAML(typ="safe", pure=True).load(written.decode()) or {}) == values


def test_what_a_person_edited_is_read_as_yaml() -> None:
    text = "root-key: abc\n# a note\npem: |\n  one\n  two\nquoted: '1'\n"
    assert content.read(text.encode(), "here") == {
        "root-key": "abc", "pem": "one\ntwo\n", "quoted": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "pin: 4711", "a: {b: geheim}", "- geheim", "geheim", '"a": "geheim"\n"a": "geheim2"',
        "a: 'geheim", "a: !!python/object:geheim {}", "a: geheim: b", '"a": 4711',
    ],
)  # fmt: skip
def test_content_that_is_no_map_of_texts_is_refused_without_showing_it(text: str) -> None:
    error = refused("secrets/bad-content", content.read, text.encode(), "here")
    shown = f"{error!r} {error} {error.hint} {error.__context__!r} {error.__cause__!r}"
    assert "geheim" not in shown
    assert "4711" not in shown


def test_damaged_content_is_refused(path: Path, password: PasswordFile) -> None:
    opened(path, password).init()
    path.write_text(path.read_text()[:-50])
    refused("secrets/damaged", lambda: opened(path, password).key)
    path.write_text(vault.encrypt(b"\xff", password.read() or b""))
    refused("secrets/bad-content", lambda: opened(path, password).key)


def test_no_repr_shows_a_value(path: Path, password: PasswordFile) -> None:
    secrets = opened(path, password)
    secrets.init()
    secrets.set("token", "geheim-42")
    root = secrets.show(ROOT_KEY, ())
    shown = repr([secrets, secrets._store, secrets.masker(), password, secrets.names()])
    assert "geheim-42" not in shown
    assert root not in shown
    assert json.dumps(shown)
