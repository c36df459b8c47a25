"""The vault format, held against what ansible-vault itself reads and writes with."""

from __future__ import annotations

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from hypothesis import given, settings
from hypothesis import strategies as st

from opsctl.clients import vault
from opsctl.errors import OpsError

PASSWORD = b"correct horse"
CONTENT = '"grafana-token": "geheim \\u2713"\n'
THEIRS = VaultSecret(PASSWORD)


def test_ansible_reads_what_we_encrypt() -> None:
    ours = vault.encrypt(CONTENT.encode(), PASSWORD)
    assert VaultLib([("default", THEIRS)]).decrypt(ours).decode() == CONTENT


@pytest.mark.parametrize(("label", "header"), [(None, "1.1;AES256"), ("prod", "1.2;AES256;prod")])
def test_we_decrypt_what_ansible_encrypts(label: str | None, header: str) -> None:
    text = VaultLib().encrypt(CONTENT, secret=THEIRS, vault_id=label).decode()
    assert text.startswith(f"$ANSIBLE_VAULT;{header}\n")
    assert vault.decrypt(text, PASSWORD, "theirs").decode() == CONTENT


@settings(max_examples=10)  # a key is derived for each, which is meant to take its time
@given(st.binary(max_size=200))
def test_what_was_encrypted_is_decrypted(content: bytes) -> None:
    assert vault.decrypt(vault.encrypt(content, PASSWORD), PASSWORD, "here") == content


def test_two_encryptions_of_one_content_differ() -> None:
    assert vault.encrypt(b"same", PASSWORD) != vault.encrypt(b"same", PASSWORD)


def test_carriage_returns_of_a_checkout_do_no_harm() -> None:
    text = vault.encrypt(b"content", PASSWORD).replace("\n", "\r\n")
    assert vault.decrypt(text, PASSWORD, "here") == b"content"


def test_a_wrong_password_is_named_so() -> None:
    with pytest.raises(OpsError) as caught:
        vault.decrypt(vault.encrypt(b"content", PASSWORD), b"another", "file.yml")
    assert (caught.value.code, caught.value.where) == ("secrets/wrong-password", "file.yml")


SOUND = vault.encrypt(b"content", PASSWORD)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain: text\n",
        "$ANSIBLE_VAULT;1.1;AES\n00\n",
        SOUND.splitlines()[0],
        SOUND[:-10],
        SOUND[:-11],
        SOUND.replace("3", "z"),
        SOUND + "<<<<<<< HEAD\n",
    ],
)
def test_a_damaged_file_is_refused(text: str) -> None:
    with pytest.raises(OpsError) as caught:
        vault.decrypt(text, PASSWORD, "file.yml")
    assert caught.value.code == "secrets/damaged"
    assert caught.value.hint


def test_a_changed_byte_is_noticed() -> None:
    lines = SOUND.splitlines()
    digit = "1" if lines[-1][-1] != "1" else "2"
    with pytest.raises(OpsError):
        vault.decrypt("\n".join([*lines[:-1], lines[-1][:-1] + digit]), PASSWORD, "file.yml")
