"""What comes out of a root key: known answers, so that no release changes a password unnoticed."""

from __future__ import annotations

import base64
import string

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from opsctl.clients.secrets import deriving
from opsctl.errors import OpsError

ROOT = bytes(range(32))


@given(st.binary(min_size=32, max_size=32), st.text(max_size=50), st.integers(1, 200))
def test_hkdf_is_that_of_the_cryptography_library(root: bytes, context: str, length: int) -> None:
    theirs = HKDF(SHA256(), length, None, context.encode()).derive(root)
    assert deriving.hkdf(root, context, length) == theirs


def test_answers_stay_what_they_were() -> None:
    assert (
        deriving.password(ROOT, "shop", "sessions/admin", 1)
        == "c9q6ivf1lRsSArvdQlc5QFBgdbx2Db6znoZUdKY0"
    )
    assert deriving.fingerprint_key(ROOT).hex() == (
        "dd630a267d5152021908e838369b9771ba2c8dcba4e88eafd6dcbb052823e50e"
    )


def test_passwords_hold_letters_and_digits_and_begin_with_a_letter() -> None:
    made = [deriving.password(ROOT, "shop", str(number), 1) for number in range(500)]
    assert {len(text) for text in made} == {40}
    assert set("".join(made)) == set(string.ascii_letters + string.digits)
    assert all(text[0] in string.ascii_letters for text in made)


def test_environment_name_and_generation_each_make_another_password() -> None:
    seats = [("a", "b", 1), ("a", "b", 2), ("a", "c", 1), ("b", "b", 1), ("a", 'b",1', 1)]
    assert len({deriving.password(ROOT, *seat) for seat in seats}) == len(seats)
    assert deriving.password(bytes(32), "a", "b", 1) != deriving.password(ROOT, "a", "b", 1)


def test_a_new_root_key_is_32_bytes_and_never_the_same() -> None:
    first, second = deriving.new_root_key(), deriving.new_root_key()
    assert first != second
    assert len(deriving.root_bytes(first + "\n", "here")) == 32


@pytest.mark.parametrize("text", ["", "short", base64.b64encode(bytes(31)).decode(), "ä" * 44])
def test_a_root_key_of_another_shape_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(OpsError) as caught:
        deriving.root_bytes(text, "the variables")
    assert caught.value.code == "secrets/bad-root-key"
    assert not text or text not in repr(caught.value) + str(caught.value)
