"""A secret in the form that a password file wants."""

from __future__ import annotations

import bcrypt
import pytest

from opsctl.clients.secrets.forms import in_form
from opsctl.workload import SecretRef, Text


@pytest.mark.parametrize("given", [False, True])
def test_a_bcrypt_hash_is_always_the_same_and_lets_its_password_in(given: bool) -> None:
    ref = SecretRef("metrics/user/opsctl", "bcrypt", given)
    made = in_form("correct horse", ref)
    assert made == in_form("correct horse", ref)
    assert bcrypt.checkpw(b"correct horse", made.encode())
    assert not bcrypt.checkpw(b"correct house", made.encode())


def test_two_passwords_share_no_salt() -> None:
    ref = SecretRef("a", "bcrypt")
    one, other = in_form("one", ref), in_form("other", ref)
    assert one[:29] != other[:29]


def test_what_people_chose_is_hashed_longer_than_what_nobody_can_guess() -> None:
    assert in_form("x", SecretRef("a", "bcrypt")).startswith("$2b$04$")
    assert in_form("x", SecretRef("a", "bcrypt", given=True)).startswith("$2b$10$")


def test_the_form_survives_a_template() -> None:
    ref = SecretRef("metrics/user/opsctl", "bcrypt")
    assert Text.parse(f"opsctl: {ref}\n").parts == ("opsctl: ", ref, "\n")
