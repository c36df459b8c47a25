"""An environment's secrets: derived and given, shown, rotated, masked."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from opsctl.clients.secrets import ROOT_KEY, EnvironmentSecrets, Masker, Variables, open_secrets
from opsctl.clients.secrets.deriving import new_root_key
from opsctl.errors import OpsError
from opsctl.model import Environment
from opsctl.ports import Secrets
from opsctl.workload import SecretRef

ROOT = new_root_key()
GIVEN = {"OPSCTL_SECRET_TOKEN": "geheim-42"}


def secrets(values: dict[str, str] | None = None, **generations: int) -> EnvironmentSecrets:
    values = {"OPSCTL_ROOT_KEY": ROOT, **GIVEN} if values is None else values
    return EnvironmentSecrets("shop", Variables(values), generations)


def refused(code: str, call: object, *arguments: object) -> OpsError:
    assert callable(call)
    with pytest.raises(OpsError) as caught:
        call(*arguments)
    assert caught.value.code == code
    return caught.value


def test_it_is_the_port() -> None:
    port: Secrets = secrets()
    assert port.key is not None


def test_a_digest_is_that_of_the_value() -> None:
    for given, name in ((False, "admin"), (True, "token")):
        plain = secrets().value(SecretRef(name, given=given))
        assert plain is not None
        digest = secrets().value(SecretRef(name, "sha256", given=given))
        assert digest == hashlib.sha256(plain.encode()).hexdigest()


def test_given_and_derived_secrets_of_one_name_are_two() -> None:
    assert secrets().value(SecretRef("token", given=True)) == "geheim-42"
    assert secrets().value(SecretRef("token")) != "geheim-42"


def test_without_the_root_key_nothing_is_known_and_nothing_fails() -> None:
    without = secrets({})
    assert without.key is None
    assert without.value(SecretRef("admin")) is None
    assert without.value(SecretRef("admin", "sha256")) is None
    assert without.value(SecretRef("token", given=True)) is None
    assert secrets(GIVEN).value(SecretRef("token", given=True)) == "geheim-42"


def test_a_given_secret_that_is_missing_says_how_to_add_it() -> None:
    error = refused("secrets/missing", secrets().value, SecretRef("oncall-url", given=True))
    assert "OPSCTL_SECRET_ONCALL_URL" in error.hint


def test_the_root_key_is_no_value_to_hand_out() -> None:
    refused("secrets/reserved", secrets().value, SecretRef(ROOT_KEY, given=True))
    refused("secrets/reserved", secrets().set, ROOT_KEY, ROOT)
    assert secrets().show(ROOT_KEY, ()) == ROOT


def test_a_generation_makes_another_password_and_the_first_is_the_default() -> None:
    ref = SecretRef("admin")
    assert secrets().value(ref) == secrets(admin=1).value(ref) != secrets(admin=2).value(ref)
    assert secrets().at({"admin": 2}).value(ref) == secrets(admin=2).value(ref)


def test_rotation_gives_the_next_generation_of_what_is_derived() -> None:
    assert secrets().rotate("admin", ["admin"]) == 2
    assert secrets(admin=2).rotate("admin", ["admin"]) == 3
    refused("secrets/given", secrets().rotate, "token", ["admin"])
    refused("secrets/given", secrets().rotate, ROOT_KEY, ["admin"])
    assert "admin" in refused("secrets/unknown", secrets().rotate, "admni", ["admin"]).hint


def test_a_misspelt_name_is_not_derived() -> None:
    assert "admin" in refused("secrets/unknown", secrets().show, "admni", ["admin"]).hint
    assert secrets().show("admin", ["admin"]) == secrets().value(SecretRef("admin"))


def test_names_tell_what_is_given_and_which_generation_is_derived() -> None:
    known = [(k.name, k.given, k.generation) for k in secrets(admin=2).names(["admin", "web"])]
    assert known == [
        ("admin", False, 2), (ROOT_KEY, True, 0), ("token", True, 0), ("web", False, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["", "-option", "a b", "a\n", "x" * 101, "\u00e4"])
def test_names_that_are_none_are_refused_and_not_shown(name: str) -> None:
    error = refused("secrets/bad-name", secrets().set, name, "value")
    assert not name or name not in str(error)


@pytest.mark.parametrize("value", ["", "geheim \udcff"])
def test_values_that_are_none_are_refused_and_not_shown(value: str) -> None:
    error = refused("secrets/bad-value", secrets().set, "token", value)
    assert "geheim" not in repr(error) + str(error)


def test_known_secrets_are_masked_in_every_form() -> None:
    mine = secrets()
    mask = mine.masker([SecretRef("admin")])
    admin = mine.value(SecretRef("admin"))
    digest = mine.value(SecretRef("admin", "sha256"))
    text = f"a {admin} b #{digest} c geheim-42 d Z2VoZWltLTQy e {ROOT} f"
    assert mask(text) == (
        "a ‹secret admin› b #‹secret admin› c ‹secret token› d ‹secret token› e ‹secret root-key› f"
    )


def test_the_longer_of_two_secrets_is_masked_whole() -> None:
    assert Masker({"a": "pass", "b": "pass-word"})("pass-word pass") == "‹secret b› ‹secret a›"


def test_escaped_secrets_and_lines_of_long_ones_are_masked() -> None:
    mask = Masker({"url": 'https://x/?a="ö"', "pem": "-----BEGIN\nMIIEvQIBADANBgkq\n-----END"})
    for text in (
        r'https://x/?a=\"\u00f6\"', r'https://x/?a=\"ö\"', "https%3A%2F%2Fx%2F%3Fa%3D%22%C3%B6%22",
    ):  # fmt: skip
        assert mask(text) == "‹secret url›"
    assert mask("> MIIEvQIBADANBgkq <") == "> ‹secret pem› <"
    assert mask("a word") == "a word"


def test_a_secret_of_a_few_characters_is_left_alone() -> None:
    assert Masker({"pin": "1"})("10.0.0.1") == "10.0.0.1"


def environment(**said: object) -> Environment:
    return Environment.model_validate({"opsctl": 1, "name": "shop", "secrets": said})


def opened(tmp_path: Path, **said: object) -> EnvironmentSecrets:
    environ = {"OPSCTL_VAULT_PASSWORD_FILE": str(tmp_path / "password")}
    handed = Variables({"OPSCTL_ROOT_KEY": ROOT, **GIVEN})
    return open_secrets(environment(**said), tmp_path, {"admin": 2}, handed, environ)


@pytest.fixture
def with_password(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("pw")
    (tmp_path / "password").chmod(0o600)
    return tmp_path


@pytest.mark.parametrize("backend", ["file", "env"])
def test_the_backends_of_the_spec_give_the_same_passwords(
    with_password: Path, backend: str
) -> None:
    mine = opened(with_password, backend=backend)
    assert mine.value(SecretRef("admin")) == secrets(admin=2).value(SecretRef("admin"))


def test_a_command_runs_beside_the_spec(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(ROOT)
    by_command = opened(tmp_path, backend={"exec": ["sh", "-c", "cat keys"]})
    assert by_command.key == secrets().key


def test_the_file_lies_beside_the_spec_or_where_it_says(with_password: Path) -> None:
    opened(with_password).init()
    assert (with_password / "opsctl.secrets.yml").exists()
    opened(with_password, path=str(with_password / "x.yml")).init()
    assert (with_password / "x.yml").exists()


def test_loading_secrets_imports_nothing_heavy(with_password: Path) -> None:
    opened(with_password).init()
    code = (
        "import sys; from pathlib import Path;"
        "from opsctl.clients.secrets import EnvironmentSecrets;"
        "from opsctl.clients.secrets.encrypted import EncryptedFile;"
        "from opsctl.clients.secrets.password import PasswordFile;"
        "folder = Path(sys.argv[1]);"
        "password = PasswordFile('s', folder / 'password');"
        "file = EncryptedFile(folder / 'opsctl.secrets.yml', password);"
        "assert EnvironmentSecrets('s', file, {}).key;"
        "sys.stdout.write(' '.join(sys.modules))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, with_password], check=True, capture_output=True, text=True
    ).stdout
    assert not {"ansible", "ruamel.yaml", "pydantic"} & set(said.split())


def test_the_page_lists_every_code() -> None:
    top = Path(__file__).parents[2]
    clients = top / "opsctl" / "clients"
    files = [*(clients / "secrets").glob("*.py"), clients / "vault.py"]
    said = {
        code for file in files for code in re.findall(r'"(secrets/[a-z-]+[a-z])"', file.read_text())
    }
    page = (top / "docs" / "secrets.md").read_text()
    assert len(said) > 15
    assert {code for code in said if f"`{code}`" not in page} == set()
