"""Pure: a secret's value in the form that a file wants."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsctl.workload import SecretRef

# Every step doubles the work of a guess, and of each login. A derived value has 237 bits, which
# nobody guesses at any price; one that a person chose may be a word.
_ROUNDS_DERIVED, _ROUNDS_GIVEN = 4, 10
_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_OWN = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_MOST = 72  # bytes that bcrypt reads


def in_form(value: str, ref: SecretRef) -> str:
    """The value in the form that `ref` asks for."""
    if ref.form == "plain":
        return value
    if ref.form == "sha256":
        return hashlib.sha256(value.encode()).hexdigest()
    if ref.form == "key":
        from opsctl.clients.secrets.issuing import key_pem

        return key_pem(value)
    return _bcrypt(value, _ROUNDS_GIVEN if ref.given else _ROUNDS_DERIVED)


def _bcrypt(value: str, rounds: int) -> str:
    """The salt comes from the value itself: a second apply must find the same hash, and two
    secrets never share a salt."""
    import bcrypt

    digest = hmac.digest(value.encode(), b"opsctl bcrypt salt", "sha256")[:16]
    salt = base64.b64encode(digest).rstrip(b"=").translate(bytes.maketrans(_STANDARD, _OWN))
    known = value.encode()[:_MOST]
    return bcrypt.hashpw(known, b"$2b$%02d$" % rounds + salt).decode()
