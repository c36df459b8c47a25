"""Pure: what comes out of a root key. The same on every machine, for ever.

Changing anything here changes every password of every environment; tests hold known answers.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import string

from opsctl.errors import Exit, OpsError

ROOT_BYTES = 32
_LETTERS = string.ascii_letters
_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 40  # characters: 237 bits, more than any hash behind them keeps


def new_root_key() -> str:
    """A root key as people keep it: 32 random bytes in base64, 44 characters."""
    return base64.b64encode(secrets.token_bytes(ROOT_BYTES)).decode()


def root_bytes(text: str, where: str) -> bytes:
    """The bytes of a root key. Raises OpsError secrets/bad-root-key, which does not show it."""
    try:
        root = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        root = b""
    if len(root) != ROOT_BYTES:
        raise OpsError(
            "secrets/bad-root-key",
            f"the root key is not {ROOT_BYTES} bytes in base64 (44 characters, the last is =)",
            where=where,
            hint="a part was lost on the way? compare it with what `opsctl secrets show root-key` "
            "says where it works",
            exit=Exit.REFUSED,
        )
    return root


def hkdf(root: bytes, context: str, length: int) -> bytes:
    """HKDF-SHA256 of RFC 5869 without salt; `length` in bytes, at most 8,160."""
    extracted = hmac.digest(bytes(32), root, "sha256")
    output, block = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + context.encode() + bytes([counter]), "sha256")
        output += block
    return output[:length]


def fingerprint_key(root: bytes) -> bytes:
    """The HMAC key of fingerprints, 32 bytes."""
    return hkdf(root, "fingerprint", 32)


def password(root: bytes, environment: str, name: str, generation: int) -> str:
    """40 letters and digits, a letter first: nothing that a shell, URL or config file reads.

    Of the 384 bits derived the modulus' bias is below 2**-140.
    """
    context = json.dumps(["password", environment, name, generation], separators=(",", ":"))
    number = int.from_bytes(hkdf(root, context, 48), "big")
    number, first = divmod(number, len(_LETTERS))
    text = _LETTERS[first]
    while len(text) < _LENGTH:
        number, digit = divmod(number, len(_ALPHABET))
        text += _ALPHABET[digit]
    return text
